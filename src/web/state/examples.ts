import type { Language } from '../i18n/messages.ts';
import type { DataTools } from './data-tools.ts';

/** Data tools to try, with a question that they answer. */
export interface Example {
  id: string;
  name: Readonly<Record<Language, string>>;
  question: Readonly<Record<Language, string>>;
  dataTools: DataTools;
}

export const EXAMPLES: readonly Example[] = [
  {
    id: 'profile',
    name: { es: 'Perfil de Juan', en: "Juan's profile" },
    question: { es: '¿Qué sabes de mi contexto?', en: 'What do you know about me?' },
    dataTools: {
      user_context: {
        name: 'Juan Pérez',
        role: 'Desarrollador',
        preferences: ['Python', 'Automatización'],
      },
    },
  },
  {
    id: 'app',
    name: { es: 'Funciones de la app', en: 'What the app can do' },
    question: { es: '¿Qué funciones tiene la app?', en: 'What features does the app have?' },
    dataTools: { app_data: { version: '2.0.0', features: ['voice', 'tools'] } },
  },
  {
    id: 'support',
    name: { es: 'Soporte para Ana', en: 'Support for Ana' },
    question: { es: '¿Qué problemas tengo pendientes?', en: 'What problems do I have open?' },
    dataTools: {
      user_context: { name: 'Ana', role: 'Soporte', tickets: ['#1234', '#5678'] },
      app_data: { version: '1.5.2', issues: ['login', 'payment'] },
    },
  },
  {
    id: 'cart',
    name: { es: 'Carrito de Carlos', en: "Carlos's cart" },
    question: { es: '¿Qué tengo en el carrito?', en: 'What is in my cart?' },
    dataTools: {
      user_context: { name: 'Carlos', cart: ['laptop', 'mouse'] },
      cart_data: { items: 2, total: 1200 },
    },
  },
  {
    id: 'tour',
    name: { es: 'Visita guiada', en: 'Guided tour' },
    question: { es: '¿Qué falta completar?', en: 'What is left to complete?' },
    dataTools: {
      tour_data: {
        steps: [
          { title: 'Inicio', element: '#home', completed: true },
          { title: 'Configuración', element: '#settings', completed: false },
          { title: 'Tutorial', element: '#tutorial', completed: false },
        ],
      },
    },
  },
];

/** Data tools as the editor shows them. */
export function toEditorText(dataTools: DataTools): string {
  return JSON.stringify(dataTools, null, 2);
}
