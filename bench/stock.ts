import { fileURLToPath } from 'node:url';
import {
  cli,
  defineAgent,
  inference,
  type JobContext,
  ServerOptions,
  type VAD,
  voice,
} from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import * as silero from '@livekit/agents-plugin-silero';
import { z } from 'zod';
import { publishTurnReports } from '../src/agent/turn-reports.ts';
import { endWithSupervisor, isSupervised } from '../src/cli/dev/end-with-supervisor.ts';
import { loadConfig } from '../src/config/config.ts';
import { resolveProviders } from '../src/providers/resolve.ts';
import { createLogger } from '../src/telemetry/log.ts';

/*
 * What the benchmarks measure against: the voice agent that LiveKit's quickstart for Node.js shows, with its defaults,
 * on the same endpoints. Three things differ from the page: the turn detector is pinned to the local model (left open,
 * it is the cloud's under `dev`), Whisper is asked over HTTP (the plugin's default is OpenAI's realtime API), and the
 * greeting is said, not generated, in the words of Charla's, which makes it faster. Of Charla it takes the
 * configuration (which endpoints) and the reports (so that stages can be compared), nothing of the pipeline.
 */

const metadataSchema = z.object({
  session: z.object({ language: z.enum(['es', 'en']) }),
  dataTools: z.unknown(),
});
const GREETINGS = { es: '¡Hola! ¿En qué puedo ayudarte?', en: 'Hello! How can I help you?' };
const INSTRUCTIONS = {
  es: 'Eres un asistente de voz. Responde en español, con frases cortas. Datos del usuario:',
  en: 'You are a helpful voice assistant. Answer in English, in short sentences. Data of the user:',
};

export default defineAgent<{ vad?: VAD }>({
  prewarm: async (proc) => {
    proc.userData.vad = await silero.VAD.load();
  },
  entry: async (ctx: JobContext<{ vad?: VAD }>) => {
    const { stt, llm, tts } = await resolveProviders(loadConfig());
    const { session: about, dataTools } = metadataSchema.parse(JSON.parse(ctx.job.room?.metadata ?? ''));
    const { language } = about;
    const session = new voice.AgentSession({
      vad: ctx.proc.userData.vad ?? (await silero.VAD.load()),
      stt: new openai.STT({
        useRealtime: false,
        baseURL: stt.baseUrl,
        apiKey: stt.apiKey,
        model: stt.model,
        language,
      }),
      llm: new openai.LLM({ baseURL: llm.baseUrl, apiKey: llm.apiKey, model: llm.model }),
      tts: new openai.TTS({
        baseURL: tts.baseUrl,
        apiKey: tts.apiKey,
        model: tts.model,
        // A name of the engine's own, where the plugin's type lists OpenAI's.
        voice: tts.voices[language] as 'alloy',
      }),
      turnHandling: { turnDetection: new inference.TurnDetector({ version: 'v1-mini' }) },
    });
    await session.start({
      agent: new voice.Agent({ instructions: `${INSTRUCTIONS[language]} ${JSON.stringify(dataTools)}` }),
      room: ctx.room,
    });
    await ctx.connect();
    publishTurnReports(session, ctx.room, language, createLogger('stock', 'warn'), () => ({ statesMs: {} }));
    session.say(GREETINGS[language]);
  },
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (isSupervised()) endWithSupervisor();
  const { AGENT_NAME, WORKER_PORT } = loadConfig();
  const takesAll = process.env.STOCK_TAKES_ALL_CALLS === '1';
  cli.runApp(
    new ServerOptions({
      agent: import.meta.filename,
      agentName: AGENT_NAME,
      host: '127.0.0.1',
      port: WORKER_PORT,
      ...(takesAll && { loadFunc: async () => 0 }),
    }),
  );
}
