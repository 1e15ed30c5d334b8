/** Tags of markup and of chat templates: `<|im_start|>`, `</s>`, `<start_of_turn>`, `<<SYS>>`, `[INST]`. */
const TAGS =
  /<\|[^<>]*?\|>|<{1,2}\/?[a-z_][^<>]{0,60}>{1,2}|\[\/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]/giu;
/** Runs of characters that open or close a fence or a heading in Markdown, YAML and templates. */
const FENCES = /([`~#*=_"-])\1{2,}|<<|>>|<\||\|>/gu;
/** Control, line and paragraph separators, and characters that are not seen: zero width, bidi overrides, tag letters. */
const UNSEEN =
  /[\p{Cc}\p{Zl}\p{Zp}\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]+/gu;

/**
 * One line of text that is safe inside a prompt: no control or unseen characters, no line ends, no tokens of a chat
 * template, no fence, no braces. What is left is data, whatever it says.
 *
 * @param value - text from outside
 * @param maxChars - longer text is cut, with «…»
 */
export function plainText(value: string, maxChars = 300): string {
  let text = value
    .slice(0, maxChars * 4)
    .normalize('NFC')
    .replace(UNSEEN, ' ');
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
