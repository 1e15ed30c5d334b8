import type { Language } from '../../src/config/config.ts';
import type { DataTools } from '../../src/sessions/data-tools.ts';

/** What the callers' data tools say, and what callers ask about them. */
export interface Conversation {
  dataTools: DataTools;
  questions: readonly string[];
  /** Asks for an answer long enough to be interrupted. */
  longQuestion: string;
  /** More than half a second of words. */
  interruption: string;
  /** Interruptions of a word. */
  shortInterruptions: readonly string[];
  /** What a listener says without wanting to speak. */
  backchannels: readonly string[];
  /** What the fixed engines hear, and what their model answers. */
  fixed: { transcript: string; answer: string; longAnswer: string };
}

const dataTools: DataTools = {
  user_context: { name: 'Carlos', role: 'Soporte', tickets: ['#1234', '#5678'], cart: ['laptop', 'mouse'] },
  cart_data: { items: 2, total: 1200 },
  app_data: { version: '2.0.0', features: ['voice', 'tools'] },
  tour_data: {
    steps: [
      { title: 'Inicio', completed: true },
      { title: 'Configuración', completed: false },
      { title: 'Tutorial', completed: false },
    ],
  },
};

/** More than half a minute, without a question, and no sentence twice: Charla ends an answer that goes round in circles. */
const LONG_ANSWERS: Readonly<Record<Language, string>> = {
  es: [
    'Te lo cuento con todo detalle, paso por paso y sin prisa.',
    'Te llamas Carlos y trabajas en el equipo de soporte.',
    'Ahora mismo hay dos tickets abiertos a tu nombre.',
    'El primero habla del inicio de sesión, que falla algunas mañanas.',
    'El segundo es de un pago que no llegó a completarse.',
    'En el carrito están una laptop y un mouse, por mil doscientos en total.',
    'La aplicación va por la versión dos, que salió hace poco tiempo.',
    'Entre sus funciones destacan la voz y las herramientas para desarrolladores.',
    'Del recorrido inicial ya terminaste la bienvenida.',
    'Quedan por delante la configuración y después el tutorial.',
    'La configuración suele llevar unos cinco minutos como mucho.',
    'Con el tutorial aprenderás los atajos que más se usan.',
  ].join(' '),
  en: [
    'I will tell you all of it in detail, step by step and slowly.',
    'Your name is Carlos and you work with the support team.',
    'There are two tickets open in your name at the moment.',
    'The first one is about the login, which fails on some mornings.',
    'The other one is a payment that never went through.',
    'Your cart holds a laptop and a mouse, twelve hundred in total.',
    'The app is at version two, which came out a short while ago.',
    'Among its features are voice and tools for developers.',
    'Of the opening tour you have finished the welcome page.',
    'The configuration is still ahead, and the tutorial after it.',
    'Setting things up takes five minutes at the very most.',
    'From the tutorial you will learn the shortcuts that people use every day.',
  ].join(' '),
};

export const CONVERSATIONS: Readonly<Record<Language, Conversation>> = {
  es: {
    dataTools,
    questions: [
      '¿Qué tengo en el carrito?',
      '¿Cuánto cuesta todo?',
      '¿Qué problemas tengo pendientes?',
      '¿Qué me falta completar?',
      '¿Qué funciones tiene la aplicación?',
    ],
    longQuestion: 'Cuéntame con todo detalle y muy despacio todo lo que sabes de mí y de la aplicación.',
    interruption: 'Espera, espera un momento, por favor.',
    shortInterruptions: ['No.', 'Espera.', '¿Cuánto?', 'Para.'],
    backchannels: ['Ajá.', 'Sí, sí.', 'Mm.', 'Claro.'],
    fixed: {
      transcript: '¿Qué tengo en el carrito?',
      answer: 'En el carrito tienes una laptop y un mouse. El total es de mil doscientos.',
      longAnswer: LONG_ANSWERS.es,
    },
  },
  en: {
    dataTools,
    questions: [
      'What do I have in my cart?',
      'How much does all of it cost?',
      'Which problems do I have open?',
      'What is left for me to complete?',
      'Which features does the app have?',
    ],
    longQuestion: 'Tell me slowly and in full detail everything that you know about me and about the app.',
    interruption: 'Wait, wait a moment, please.',
    shortInterruptions: ['No.', 'Wait.', 'How much?', 'Stop.'],
    backchannels: ['Uh-huh.', 'Yeah.', 'Mm.', 'Right.'],
    fixed: {
      transcript: 'What do I have in my cart?',
      answer: 'There is a laptop and a mouse in your cart. The total is twelve hundred.',
      longAnswer: LONG_ANSWERS.en,
    },
  },
};
