/** English words that Spanish speakers say every day, spelt as they say them; eSpeak reads them letter by letter. */
const RESPELLED: Readonly<Record<string, string>> = {
  app: 'ap',
  apps: 'aps',
  cloud: 'claud',
  email: 'ímeil',
  emails: 'ímeils',
  feedback: 'fídbac',
  issue: 'íshu',
  laptop: 'láptop',
  laptops: 'láptops',
  login: 'lóguin',
  mouse: 'maus',
  mouses: 'mauses',
  offline: 'oflain',
  online: 'onlain',
  payment: 'péiment',
  python: 'páiton',
  smartphone: 'esmarfon',
  software: 'sófguer',
  streaming: 'estrímin',
  tablet: 'táblet',
  ticket: 'tíquet',
  tickets: 'tíquets',
  token: 'tóquen',
  tools: 'tuls',
  voice: 'vois',
  website: 'güebsait',
  wifi: 'güifi',
};

/** Spanish text with everyday English words respelt for a Spanish reader: «un mouse» → «un maus». */
export function respellLoanwords(text: string): string {
  return text.replace(/\p{L}+/gu, (word) => RESPELLED[word.toLowerCase()] ?? word);
}
