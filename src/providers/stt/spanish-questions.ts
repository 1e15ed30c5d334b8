/** Question words as Whisper writes them at the beginning of a short question, often without accent and marks. */
const ACCENTS: Record<string, string> = {
  que: 'qué',
  cual: 'cuál',
  cuales: 'cuáles',
  cuanto: 'cuánto',
  cuanta: 'cuánta',
  cuantos: 'cuántos',
  cuantas: 'cuántas',
  quien: 'quién',
  quienes: 'quiénes',
};
const ACCENTED = /^(qué|cuál(es)?|cuánt[oa]s?|quién(es)?|cómo|dónde|cuándo|por qué)(?!\p{L})/iu;
/** «Que sí», «Que no», «Que te vaya bien», «Que tengas un buen día». */
const NO_QUESTION =
  /^que\s+(sí|si|no|te|le|les|os|lo|la|se|tengas?|tengan|vaya|pases?|pasen|descanses?)(?!\p{L})/iu;
const LONGEST_WORDS = 12;

/**
 * Writes a short Spanish question as one: «Que falta completar.» becomes «¿Qué falta completar?». Whisper drops accent
 * and marks now and then, and a small model takes what is left for an order.
 *
 * @returns the text itself, where it is not one sentence that begins with a question word
 */
export function asQuestion(text: string): string {
  const sentence = text.replace(/^¿/, '').replace(/[.?]+$/, '');
  if (/[.?!¿¡…:]/.test(sentence) || NO_QUESTION.test(sentence)) return text;
  const words = sentence.split(/\s+/);
  const [first = ''] = words;
  if (words.length < 2 || words.length > LONGEST_WORDS) return text;
  const accented = ACCENTS[first.toLowerCase()];
  if (accented === undefined && !ACCENTED.test(sentence)) return text;
  const question = [accented ?? first, ...words.slice(1)].join(' ');
  return `¿${question.charAt(0).toUpperCase()}${question.slice(1)}?`;
}
