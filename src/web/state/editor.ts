import { createJSONStorage, persist } from 'zustand/middleware';
import { createStore } from 'zustand/vanilla';
import { type DataTools, parseDataTools } from './data-tools.ts';
import { EXAMPLES, toEditorText } from './examples.ts';

export interface EditorState {
  text: string;
  /** The last text that was valid, read. */
  valid: DataTools;
}

const STORAGE_NAME = 'charla.data-tools';

export type EditorStore = ReturnType<typeof createEditor>;

/**
 * What is in the data-tools editor. It is kept for as long as the browser's tab is open and no longer: it is about a
 * person.
 */
export function createEditor() {
  const first = EXAMPLES[0]?.dataTools ?? {};
  const store = createStore<EditorState>()(
    persist((): EditorState => ({ text: toEditorText(first), valid: first }), {
      name: STORAGE_NAME,
      version: 1,
      storage: createJSONStorage(() => sessionStorage),
    }),
  );
  return {
    store,
    /** Whether the person has changed what the editor opened with, in this tab. */
    get isTouched(): boolean {
      return sessionStorage.getItem(STORAGE_NAME) !== null;
    },
    /** What the editor holds until the person changes it. */
    suggest(dataTools: DataTools) {
      store.setState({ text: toEditorText(dataTools), valid: dataTools });
      sessionStorage.removeItem(STORAGE_NAME);
    },
    setText(text: string) {
      const result = parseDataTools(text);
      store.setState(result.ok ? { text, valid: result.value } : { text });
    },
  };
}
