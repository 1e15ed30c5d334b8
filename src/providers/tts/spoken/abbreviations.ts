import type { Language } from '../../../config/config.ts';

interface Abbreviation {
  /** Without the spaces that may stand inside; its dots are part of it. */
  short: string;
  word: string;
  /** Its dot may also be the end of a sentence. */
  ends?: boolean;
  /** What must follow. */
  before?: 'number' | 'name' | 'roman';
}

const ends = true;
const before = 'number';

const SPANISH: Abbreviation[] = [
  { short: 'sr.', word: 'señor' },
  { short: 'sra.', word: 'señora' },
  { short: 'srta.', word: 'señorita' },
  { short: 'sres.', word: 'señores' },
  { short: 'sras.', word: 'señoras' },
  { short: 'dr.', word: 'doctor' },
  { short: 'dra.', word: 'doctora' },
  { short: 'dres.', word: 'doctores' },
  { short: 'D.', word: 'don', before: 'name' },
  { short: 'dña.', word: 'doña' },
  { short: 'ud.', word: 'usted', ends },
  { short: 'uds.', word: 'ustedes', ends },
  { short: 'vd.', word: 'usted', ends },
  { short: 'vds.', word: 'ustedes', ends },
  { short: 'prof.', word: 'profesor' },
  { short: 'profa.', word: 'profesora' },
  { short: 'ing.', word: 'ingeniero', before: 'name' },
  { short: 'lic.', word: 'licenciado', before: 'name' },
  { short: 'gral.', word: 'general' },
  { short: 'p.ej.', word: 'por ejemplo' },
  { short: 'etc.', word: 'etcétera', ends },
  { short: 'incl.', word: 'incluido', ends },
  { short: 'EE.UU.', word: 'Estados Unidos', ends },
  { short: 'S.A.', word: 'sociedad anónima', ends },
  { short: 'S.L.', word: 'sociedad limitada', ends },
  { short: 'a.C.', word: 'antes de Cristo', ends },
  { short: 'd.C.', word: 'después de Cristo', ends },
  { short: 'c/', word: 'calle', before: 'name' },
  { short: 'avda.', word: 'avenida' },
  { short: 'av.', word: 'avenida' },
  { short: 'pza.', word: 'plaza' },
  { short: 'ctra.', word: 'carretera' },
  { short: 'izq.', word: 'izquierda', ends },
  { short: 'izda.', word: 'izquierda', ends },
  { short: 'dcha.', word: 'derecha', ends },
  { short: 'núm.', word: 'número' },
  { short: 'nº.', word: 'número', before },
  { short: 'nº', word: 'número', before },
  { short: 'n.º', word: 'número', before },
  { short: 'n°', word: 'número', before },
  { short: 'No.', word: 'número', before },
  { short: 'pág.', word: 'página' },
  { short: 'págs.', word: 'páginas' },
  { short: 'art.', word: 'artículo', before },
  { short: 'cap.', word: 'capítulo', before },
  { short: 'vol.', word: 'volumen', before },
  { short: 'fig.', word: 'figura', before },
  { short: 'ext.', word: 'extensión', before },
  { short: 's.', word: 'siglo', before: 'roman' },
  { short: 'tel.', word: 'teléfono' },
  { short: 'teléf.', word: 'teléfono' },
  { short: 'tfno.', word: 'teléfono' },
  { short: 'aprox.', word: 'aproximadamente', ends },
  { short: 'máx.', word: 'máximo', ends },
  { short: 'mín.', word: 'mínimo', ends },
  { short: 'dpto.', word: 'departamento' },
  { short: 'admón.', word: 'administración', ends },
  { short: 'ref.', word: 'referencia' },
  { short: 'Cía.', word: 'compañía', ends },
  { short: 'vs.', word: 'versus' },
  { short: 'mr.', word: 'míster' },
  { short: 'St.', word: 'Saint', before: 'name' },
];

const ENGLISH: Abbreviation[] = [
  { short: 'mr.', word: 'Mister' },
  { short: 'mrs.', word: 'Missus' },
  { short: 'ms.', word: 'Miz' },
  { short: 'dr.', word: 'Doctor', before: 'name' },
  { short: 'prof.', word: 'Professor' },
  { short: 'rev.', word: 'Reverend' },
  { short: 'St.', word: 'Saint', before: 'name' },
  { short: 'jr.', word: 'Junior', ends },
  { short: 'e.g.', word: 'for example' },
  { short: 'i.e.', word: 'that is' },
  { short: 'etc.', word: 'et cetera', ends },
  { short: 'incl.', word: 'including' },
  { short: 'vs.', word: 'versus' },
  { short: 'approx.', word: 'approximately' },
  { short: 'U.S.A.', word: 'U S A', ends },
  { short: 'U.S.', word: 'U S', ends },
  { short: 'U.K.', word: 'U K', ends },
  { short: 'No.', word: 'number', before },
  { short: 'nos.', word: 'numbers', before },
  { short: 'p.', word: 'page', before },
  { short: 'pp.', word: 'pages', before },
  { short: 'vol.', word: 'volume', before },
  { short: 'fig.', word: 'figure', before },
  { short: 'ext.', word: 'extension', before },
  { short: 'dept.', word: 'department', ends },
  { short: 'inc.', word: 'Incorporated', ends },
  { short: 'ltd.', word: 'Limited', ends },
  { short: 'corp.', word: 'Corporation', ends },
  { short: 'ave.', word: 'Avenue', ends },
  { short: 'blvd.', word: 'Boulevard', ends },
  { short: 'rd.', word: 'Road', ends },
  { short: 'min.', word: 'minimum', before },
  { short: 'max.', word: 'maximum', before },
  { short: 'est.', word: 'established', before },
];

const FOLLOWED_BY = {
  number: String.raw`(?=\s*\d)`,
  name: String.raw`(?=\s*\p{Lu})`,
  roman: String.raw`(?=\s*[IVX]+(?!\p{L}))`,
} as const;
const NOT_IN_WORD = String.raw`(?<![\p{L}\p{N}.@/-])`;

const PATTERNS = {
  es: SPANISH.map((one) => compiled(one)),
  en: ENGLISH.map((one) => compiled(one)),
};

/** Abbreviations as the words that they stand for; the dot of one that ends a sentence stays. */
export function spokenAbbreviations(text: string, language: Language): string {
  let spoken = text;
  for (const { pattern, word, ends: mayEnd } of PATTERNS[language]) {
    spoken = spoken.replace(pattern, (short: string, at: number, whole: string) => {
      const after = whole.slice(at + short.length);
      if (mayEnd === true && endsSentence(after)) return `${word}.`;
      return /^\p{L}|^\d/u.test(after) ? `${word} ` : word;
    });
  }
  return spoken;
}

/** Whether a dot before this was also a full stop. */
export function endsSentence(after: string): boolean {
  return /^["»”’')\]]*\s*(?:$|\n|\s["«“'(]*[¿¡]?\p{Lu})/u.test(after);
}

const ALL = [...SPANISH, ...ENGLISH].filter(({ short }) => short.endsWith('.'));
/** Behind a single letter too: an initial, or a part of «p. ej.» and «a. m.». */
const ANYWHERE = atEnd([
  ...ALL.filter((one) => one.before === undefined && one.ends !== true),
  { short: String.raw`\p{L}.` },
  { short: 'EE.' },
]);
const BEFORE_SMALL = atEnd(ALL.filter((one) => one.ends === true));
const BEFORE_NUMBER = atEnd([
  ...ALL.filter((one) => one.before === 'number'),
  ...'Jan. Feb. Mar. Apr. Jun. Jul. Aug. Sep. Sept. Oct. Nov. Dec.'.split(' ').map((short) => ({ short })),
]);
const BEFORE_NAME = atEnd(ALL.filter((one) => one.before === 'name' || one.before === 'roman'));

/**
 * Whether the dot at the end of `text` is an abbreviation's and no full stop, in Spanish or English: «el Sr.», «p. ej.»,
 * «núm.» where a digit follows, «etc.» where no capital does.
 *
 * @param next - the first character behind the dot and its space
 */
export function endsInAbbreviation(text: string, next: string): boolean {
  if (!text.endsWith('.')) return false;
  return (
    ANYWHERE.test(text) ||
    (/\d/.test(next) && BEFORE_NUMBER.test(text)) ||
    (/\p{Lu}/u.test(next) ? BEFORE_NAME.test(text) : !/["«“'(¿¡]/.test(next) && BEFORE_SMALL.test(text))
  );
}

function atEnd(list: Pick<Abbreviation, 'short'>[]): RegExp {
  const shorts = list.map(({ short }) => source(short.replace(/\.$/, '')));
  return new RegExp(String.raw`(?:^|[\s(«"“¿¡'])(?:${shorts.join('|')})\.$`, 'iu');
}

function compiled({ short, word, ends: mayEnd, before: needs }: Abbreviation) {
  const follows = needs === undefined ? '' : FOLLOWED_BY[needs];
  // What begins with a small letter may be written with a capital as well, but «no.» is no «No. 5».
  const body = /^\p{Ll}/u.test(short) ? source(short, true) : source(short);
  const edge = /[\p{L}º°]$/u.test(short) ? String.raw`(?![\p{L}])` : '';
  // «30 min. 5 s» is no minimum.
  const free = needs === 'number' ? String.raw`(?<!\d\s?)` : '';
  return { pattern: new RegExp(`${NOT_IN_WORD}${free}${body}${edge}${follows}`, 'gu'), word, ends: mayEnd };
}

function source(short: string, eitherCase = false): string {
  const [first = '', ...rest] = [...short];
  const head = eitherCase ? `[${first}${first.toUpperCase()}]` : first;
  return [head, ...rest]
    .join('')
    .replace(/\./g, String.raw`\.`)
    .replace(/\\\.(?=\p{L})/gu, String.raw`\.\s?`);
}
