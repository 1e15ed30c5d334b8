import type { Language } from '../config/config.ts';

/** The words around data tools in one language. */
export interface Phrases {
  /** Name, role and preferences, as one sentence said to the user. */
  context: (parts: string[]) => string;
  named: (name: string) => string;
  role: (role: string) => string;
  preferences: (items: string[]) => string;
  tickets: (count: number, items: string[]) => string;
  user: string;
  app: string;
  appVersion: (version: string) => string;
  appFeatures: (items: string[]) => string;
  appIssues: (items: string[]) => string;
  cart: string;
  inCart: (count: number, items: string[]) => string;
  total: (amount: string) => string;
  totalWord: string;
  tour: string;
  stepsDone: (items: string[]) => string;
  stepsMissing: (count: number, items: string[]) => string;
  none: string;
  yes: string;
  no: string;
  /** That there is more, at these places. */
  more: (places: string) => string;
  /** That nothing was found, and what there is. */
  notFound: (asked: string, places: string) => string;
  /** Where the rest is. */
  goOn: (place: string) => string;
  /** Before a key that must not begin a line. */
  datum: string;
  andMore: (count: number) => string;
  /** Common keys, which integrators write in English, as a caller would say them. */
  words: Readonly<Record<string, string | undefined>>;
}

const es = joiner('es');
const en = joiner('en');

/**
 * Lines are written as they would be said to the user («Tienes 2 problemas pendientes…»): a small model then answers
 * by saying the right line, in the right person.
 */
export const phrases: Readonly<Record<Language, Phrases>> = {
  es: {
    context: (parts) => `Tu contexto: ${es(parts)}.`,
    named: (name) => `te llamas ${name}`,
    role: (role) => `tu rol es ${role}`,
    preferences: (items) => `tus preferencias son ${es(items)}`,
    tickets: (count, items) =>
      count === 0
        ? 'No tienes problemas pendientes: ningún ticket.'
        : count === 1
          ? `Tienes 1 problema pendiente: el ticket ${es(items)}.`
          : `Tienes ${count} problemas pendientes: los tickets ${es(items)}.`,
    user: 'Usuario',
    app: 'App',
    appVersion: (version) => `La app está en la versión ${version}.`,
    appFeatures: (items) => `Las funciones de la app son ${es(items)}.`,
    appIssues: (items) => `Errores conocidos de la app: ${es(items)}.`,
    cart: 'Carrito',
    inCart: (count, items) =>
      count === 0
        ? 'Tu carrito está vacío.'
        : `En tu carrito hay ${count} ${count === 1 ? 'artículo' : 'artículos'}${items.length > 0 ? `: ${es(items)}` : ''}.`,
    total: (amount) => `El total es ${amount}.`,
    totalWord: 'total',
    tour: 'Recorrido',
    stepsDone: (items) => `Pasos completados: ${es(items)}.`,
    stepsMissing: (count, items) =>
      count === 0
        ? 'No te falta completar ningún paso.'
        : `Te falta completar ${count} ${count === 1 ? 'paso' : 'pasos'}: ${es(items)}.`,
    none: 'ninguno',
    yes: 'sí',
    no: 'no',
    more: (places) => `(Hay más datos que aquí no caben: ${places}.)`,
    notFound: (asked, places) => `No hay nada en «${asked}». Hay datos en: ${places}.`,
    goOn: (place) => `(Hay más: sigue por ${place}.)`,
    datum: 'Dato',
    andMore: (count) => `y ${count} más`,
    words: words({
      address: 'Dirección',
      age: 'Edad',
      amount: 'Importe',
      app_data: 'App',
      balance: 'Saldo',
      business_data: 'Negocio',
      cart: 'Carrito',
      cart_data: 'Carrito',
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
      time_zone: 'Zona horaria',
      timezone: 'Zona horaria',
      title: 'Título',
      total: 'Total',
      tour_data: 'Recorrido',
      user_context: 'Usuario',
    }),
  },
  en: {
    context: (parts) => `Your context: ${en(parts)}.`,
    named: (name) => `your name is ${name}`,
    role: (role) => `your role is ${role}`,
    preferences: (items) => `your preferences are ${en(items)}`,
    tickets: (count, items) =>
      count === 0
        ? 'You have no pending problems: no tickets.'
        : count === 1
          ? `You have 1 pending problem: ticket ${en(items)}.`
          : `You have ${count} pending problems: tickets ${en(items)}.`,
    user: 'User',
    app: 'App',
    appVersion: (version) => `The app is at version ${version}.`,
    appFeatures: (items) => `The features of the app are ${en(items)}.`,
    appIssues: (items) => `Known errors of the app: ${en(items)}.`,
    cart: 'Cart',
    inCart: (count, items) =>
      count === 0
        ? 'Your cart is empty.'
        : `Your cart has ${count} ${count === 1 ? 'item' : 'items'}${items.length > 0 ? `: ${en(items)}` : ''}.`,
    total: (amount) => `The total is ${amount}.`,
    totalWord: 'total',
    tour: 'Tour',
    stepsDone: (items) => `Steps completed: ${en(items)}.`,
    stepsMissing: (count, items) =>
      count === 0
        ? 'You have no steps left to complete.'
        : `You still have to complete ${count} ${count === 1 ? 'step' : 'steps'}: ${en(items)}.`,
    none: 'none',
    yes: 'yes',
    no: 'no',
    more: (places) => `(There is more data than fits here: ${places}.)`,
    notFound: (asked, places) => `There is nothing at «${asked}». There are data at: ${places}.`,
    goOn: (place) => `(There is more: go on at ${place}.)`,
    datum: 'Entry',
    andMore: (count) => `and ${count} more`,
    words: words({
      app_data: 'App',
      business_data: 'Business',
      cart_data: 'Cart',
      private: 'Internal data',
      tour_data: 'Tour',
      user_context: 'User',
    }),
  },
};

function joiner(language: Language): (items: string[]) => string {
  const format = new Intl.ListFormat(language, { type: 'conjunction' });
  return (items) => format.format(items);
}

/** Without a prototype: a key `toString` of somebody's data is no word of ours. */
function words(entries: Record<string, string>): Readonly<Record<string, string>> {
  return Object.assign(Object.create(null), entries);
}
