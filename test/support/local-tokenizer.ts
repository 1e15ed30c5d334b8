import { join } from 'node:path';
import { getLlama, LlamaLogLevel, type Token } from 'node-llama-cpp';
import { loadConfig } from '../../src/config/config.ts';
import { ChatTemplate } from '../../src/inference/engines/chat-template.ts';

export interface LocalTokenizer {
  /** As the engine reads a prompt: what looks like a special token is one. */
  tokens(text: string): Token[];
  /** How many special tokens are in a text. */
  specialTokens(text: string): number;
  /** The model's own template, which strips nothing from what it is given. */
  template: ChatTemplate;
  close(): Promise<void>;
}

/** The vocabulary and the chat template of the local model, without its weights. */
export async function openLocalTokenizer(): Promise<LocalTokenizer> {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
  });
  const modelPath = join(loadConfig().CHARLA_HOME, 'models', 'qwen2.5-0.5b', 'model.gguf');
  const model = await llama.loadModel({ modelPath, vocabOnly: true });
  const { chat_template: template } = model.fileInfo.metadata.tokenizer;
  if (typeof template !== 'string') throw new Error('the local model has no chat template');
  return {
    tokens: (text) => model.tokenize(text, true),
    specialTokens: (text) => model.tokenize(text, true).filter((token) => model.isSpecialToken(token)).length,
    template: new ChatTemplate({ template, controlTokens: [], bosToken: '', eosToken: '' }),
    close: () => llama.dispose(),
  };
}
