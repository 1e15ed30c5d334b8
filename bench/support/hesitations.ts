import type { Language } from '../../src/config/config.ts';

/** Somebody who stops to think in the middle of a sentence. */
export interface Hesitation {
  /** Up to the pause, as it is spoken: the voice is left in the air by a comma. */
  first: string;
  /** What Whisper (base) writes when it hears the first part alone: a full stop behind nearly anything. */
  alone: string;
  second: string;
}

/** In the middle of a clause, at its border, after «y» and «o sea», and within numbers. */
export const HESITATIONS: Readonly<Record<Language, readonly Hesitation[]>> = {
  es: [
    { first: 'Quiero saber,', alone: 'Quiero saber.', second: 'cuántos artículos tengo en el carrito.' },
    { first: '¿Me puedes decir,', alone: 'Me puedes decir', second: 'qué me falta por completar?' },
    {
      first: 'Mi número es el cincuenta y cinco,',
      alone: 'Mi número es el 55.',
      second: 'cuarenta y tres, veintiuno.',
    },
    {
      first: 'Tengo una pregunta sobre,',
      alone: 'Tengo una pregunta sobre.',
      second: 'el total de mi compra.',
    },
    { first: 'Quiero ver el carrito y,', alone: 'Quiero ver el carrito y', second: 'el precio de todo.' },
    {
      first: 'No entiendo la factura, o sea,',
      alone: 'No entiendo la factura o sea.',
      second: 'no sé por qué es tan alta.',
    },
    {
      first: 'Cuando abro la aplicación,',
      alone: 'Cuando abro la aplicación.',
      second: 'me sale un error de pago.',
    },
    { first: 'Me gustaría cambiar la,', alone: 'Me gustaría cambiarla.', second: 'dirección de entrega.' },
    {
      first: 'Ayer compré una laptop,',
      alone: 'Ayer compré una laptop.',
      second: 'y todavía no me ha llegado.',
    },
    {
      first: 'Si termino la configuración,',
      alone: 'Si termino la configuración.',
      second: '¿qué pasos me quedan?',
    },
    {
      first: 'Necesito que me ayudes con,',
      alone: 'Necesito que me ayudes con.',
      second: 'el segundo ticket.',
    },
    { first: 'El pedido es el mil doscientos,', alone: 'El pedido es el 1200.', second: 'treinta y cuatro.' },
    { first: '¿Cuánto cuesta,', alone: '¿Cuánto cuesta?', second: 'el mouse que tengo en el carrito?' },
    { first: 'Creo que el problema es,', alone: 'Creo que el problema es.', second: 'el inicio de sesión.' },
  ],
  en: [
    { first: 'I want to know,', alone: 'I want to know.', second: 'how many items I have in my cart.' },
    { first: 'Can you tell me,', alone: 'Can you tell me?', second: 'what I have left to complete?' },
    { first: 'My number is fifty five,', alone: 'My number is 55.', second: 'forty three, twenty one.' },
    {
      first: 'I have a question about,',
      alone: 'I have a question about.',
      second: 'the total of my order.',
    },
    {
      first: 'I want to see my cart and,',
      alone: 'I want to see my cart and',
      second: 'the price of all of it.',
    },
    {
      first: "I don't understand the bill, I mean,",
      alone: "I don't understand the bill I mean.",
      second: "I don't know why it is so high.",
    },
    { first: 'When I open the app,', alone: 'When I open the app.', second: 'I get a payment error.' },
    {
      first: 'I would like to change the,',
      alone: 'I would like to change the.',
      second: 'delivery address.',
    },
    {
      first: 'Yesterday I bought a laptop,',
      alone: 'Yesterday I bought a laptop.',
      second: 'and it has not arrived yet.',
    },
    {
      first: 'If I finish the configuration,',
      alone: 'If I finish the configuration,',
      second: 'which steps are left?',
    },
    {
      first: 'I need you to help me with,',
      alone: 'I need you to help me with.',
      second: 'the second ticket.',
    },
    { first: 'My order is twelve hundred,', alone: 'My order is 1200.', second: 'thirty four.' },
    { first: 'How much is,', alone: 'How much is?', second: 'the mouse that is in my cart?' },
    { first: 'I think the problem is,', alone: 'I think the problem is.', second: 'the login.' },
  ],
};
