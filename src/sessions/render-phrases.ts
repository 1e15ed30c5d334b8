import type { Language } from '../config/config.ts';

/** The words around data tools in one language. */
export interface Phrases {
  userName: string;
  role: string;
  preferences: string;
  tickets: string;
  user: string;
  app: string;
  appVersion: string;
  appFeatures: string;
  appIssues: string;
  cart: string;
  emptyCart: string;
  total: string;
  tour: string;
  stepsDone: string;
  stepsMissing: string;
  none: string;
  yes: string;
  no: string;
  more: string;
  inCart: (count: number) => string;
  andMore: (count: number) => string;
  and: (items: string[]) => string;
  /** Common keys, which integrators write in English, as a caller would say them. */
  words: Readonly<Record<string, string | undefined>>;
}

const joined = (language: Language) => {
  const format = new Intl.ListFormat(language, { type: 'conjunction' });
  return (items: string[]) => format.format(items);
};

export const phrases: Readonly<Record<Language, Phrases>> = {
  es: {
    userName: 'Nombre del usuario',
    role: 'Rol',
    preferences: 'Preferencias',
    tickets: 'Tickets o problemas pendientes del usuario',
    user: 'Usuario',
    app: 'App',
    appVersion: 'Versión de la app',
    appFeatures: 'Funciones de la app',
    appIssues: 'Problemas conocidos de la app',
    cart: 'Carrito',
    emptyCart: 'El carrito está vacío',
    total: 'Total',
    tour: 'Recorrido',
    stepsDone: 'Pasos completados',
    stepsMissing: 'Pasos que faltan por completar',
    none: 'ninguno',
    yes: 'sí',
    no: 'no',
    more: '(Hay más datos que aquí no caben.)',
    inCart: (count) => `En el carrito hay ${count} ${count === 1 ? 'artículo' : 'artículos'}`,
    andMore: (count) => `y ${count} más`,
    and: joined('es'),
    words: words({
      address: 'Dirección',
      age: 'Edad',
      amount: 'Importe',
      balance: 'Saldo',
      business_data: 'Negocio',
      city: 'Ciudad',
      company: 'Empresa',
      country: 'País',
      currency: 'Moneda',
      customer: 'Cliente',
      date: 'Fecha',
      description: 'Descripción',
      discount: 'Descuento',
      email: 'Correo',
      hours: 'Horario',
      id: 'Identificador',
      invoices: 'Facturas',
      items: 'Artículos',
      language: 'Idioma',
      last_order: 'Último pedido',
      name: 'Nombre',
      notes: 'Notas',
      orders: 'Pedidos',
      payment: 'Pago',
      phone: 'Teléfono',
      plan: 'Plan',
      price: 'Precio',
      private: 'Datos internos',
      products: 'Productos',
      quantity: 'Cantidad',
      reason: 'Motivo',
      role: 'Rol',
      services: 'Servicios',
      shipping: 'Envío',
      status: 'Estado',
      stock: 'Existencias',
      time: 'Hora',
      title: 'Título',
      total: 'Total',
    }),
  },
  en: {
    userName: "User's name",
    role: 'Role',
    preferences: 'Preferences',
    tickets: "User's pending tickets or problems",
    user: 'User',
    app: 'App',
    appVersion: 'App version',
    appFeatures: 'App features',
    appIssues: 'Known problems of the app',
    cart: 'Cart',
    emptyCart: 'The cart is empty',
    total: 'Total',
    tour: 'Tour',
    stepsDone: 'Steps completed',
    stepsMissing: 'Steps still to complete',
    none: 'none',
    yes: 'yes',
    no: 'no',
    more: '(There is more data than fits here.)',
    inCart: (count) => `The cart has ${count} ${count === 1 ? 'item' : 'items'}`,
    andMore: (count) => `and ${count} more`,
    and: joined('en'),
    words: words({ business_data: 'Business', private: 'Internal data' }),
  },
};

/** Without a prototype: a key `toString` of somebody's data is no word of ours. */
function words(entries: Record<string, string>): Readonly<Record<string, string>> {
  return Object.assign(Object.create(null), entries);
}
