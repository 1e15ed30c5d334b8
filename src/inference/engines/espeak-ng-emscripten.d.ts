declare module '@echogarden/espeak-ng-emscripten' {
  interface EspeakWorker {
    set_voice(name: string): void;
    synthesize_ipa(text: string): { code: number; ipa: string };
  }
  export default function createEspeak(): Promise<{ eSpeakNGWorker: new () => EspeakWorker }>;
}
