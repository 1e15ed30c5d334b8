/**
 * Tokens of chat templates and tags of markup: `<|im_start|>`, `</s>`, `<start_of_turn>`, `<<SYS>>`, `[INST]`; Llama,
 * Qwen, Gemma, Mistral, Phi, DeepSeek, Command R.
 */
const TAGS =
  /<\|[^<>]*?\|>|<{1,2}\/?[a-z_][^<>]{0,60}>{1,2}|\[\/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|CALL_ID|ARGS|THINK|gMASK|sop|MASK|CLS|SEP|PAD|UNK|IMG|PREFIX|SUFFIX|MIDDLE)\]/giu;
/** Runs of characters that open or close a fence or a heading in Markdown, YAML and templates, and what begins a tag. */
const FENCES = /([`~#*=_"-])\1{2,}|<<|>>|<\||\|>|<(?=[\p{L}\p{N}/!?_])/gu;
/** Ends of lines and other control characters. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;
/** What is not seen: zero width, overrides of the direction of writing, tag letters, variation selectors, private use. */
const UNSEEN = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Co}\p{Cs}\p{Cn}]+/gu;
/** Letters that somebody piles up marks on. */
const PILED_MARKS = /(\p{M}{3})\p{M}+/gu;
/** Characters that look like those of a tag: full width, small, mathematical. */
const LOOKALIKES: ReadonlyMap<string, string> = new Map([
  ...pairs('<', '＜﹤‹〈⟨❮❬˂ᐸ'),
  ...pairs('>', '＞﹥›〉⟩❯❭˃ᐳ'),
  ...pairs('|', '｜∣❘ǀ︱￨│┃'),
  ...pairs('[', '［〔【⟦'),
  ...pairs(']', '］〕】⟧'),
  ...pairs('{', '｛﹛❴'),
  ...pairs('}', '｝﹜❵'),
  ...pairs('/', '／⁄∕'),
  ...pairs('_', '＿▁'),
  ...pairs('`', '｀'),
  ...pairs('#', '＃﹟'),
]);
const LOOKALIKE = new RegExp(`[${[...LOOKALIKES.keys()].join('')}]`, 'gu');

/**
 * One line of text that is safe inside a prompt: no control or unseen characters, no line ends, no tokens of a chat
 * template, no tag, no fence, no braces. What is left is data, whatever it says.
 *
 * @param value - text from outside
 * @param maxChars - longer text is cut, with «…»
 */
export function plainText(value: string, maxChars = 300): string {
  let text = value
    .slice(0, maxChars * 4)
    .normalize('NFC')
    .replace(CONTROL, ' ')
    .replace(UNSEEN, '')
    .replace(PILED_MARKS, '$1')
    .replace(LOOKALIKE, (character) => LOOKALIKES.get(character) ?? character);
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replace(TAGS, ' ').replace(FENCES, ' ');
  }
  text = text.replaceAll('{', '(').replaceAll('}', ')').replace(/\s+/gu, ' ').trim();
  const characters = [...text];
  return characters.length > maxChars
    ? `${characters
        .slice(0, maxChars - 1)
        .join('')
        .trimEnd()}…`
    : text;
}

function pairs(plain: string, lookalikes: string): [string, string][] {
  return [...lookalikes].map((character) => [character, plain]);
}
