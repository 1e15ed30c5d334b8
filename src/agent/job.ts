import { defineAgent, type JobContext, type JobProcess, type VAD, voice } from '@livekit/agents';
import * as silero from '@livekit/agents-plugin-silero';
import { type Config, isOn, type Language, loadConfig } from '../config/config.ts';
import { historyChars, warmPrompt } from '../providers/llm/create-llm.ts';
import { type Providers, resolveProviders } from '../providers/resolve.ts';
import type { SpeechCache } from '../providers/tts/speech-cache.ts';
import { dataToolsTerms } from '../sessions/data-tools-terms.ts';
import { renderDataTools } from '../sessions/render-data-tools.ts';
import { channelLabel } from '../telemetry/call-metrics.ts';
import { type JobMetrics, reportToWorker } from '../telemetry/job-metrics.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import { type Traces, traceCalls } from '../telemetry/traces.ts';
import { Assistant } from './assistant.ts';
import { type CallContext, readCallContext, watchCallContext } from './call-context.ts';
import { CallObserver } from './call-observer.ts';
import { createSession } from './create-session.ts';
import { createSpeechCache, preloadPhrases } from './create-speech.ts';
import { speakFailures } from './failures.ts';
import { leaveToOther } from './only-agent.ts';
import { phraseClauses } from './phrase-clauses.ts';
import { loadPrompts, type Prompts } from './prompts.ts';
import { publishState } from './publish-state.ts';
import { publishVoice } from './publish-voice.ts';
import { traceTranscriptions } from './trace-transcriptions.ts';
import { publishNotice, publishTurnReports } from './turn-reports.ts';
import { Filler } from './turns/filler.ts';
import { OpenSpeeches } from './turns/open-speeches.ts';
import { useSteadyClock } from './turns/steady-clock.ts';
import { Watchdog } from './turns/watchdog.ts';

/** What a job process has ready before a call comes. */
interface Ready {
  config: Config;
  log: Logger;
  vad: VAD;
  providers: Providers;
  prompts: Record<Language, Prompts>;
  metrics: JobMetrics;
  traces: Traces;
  /** With the agent's phrases in memory; none when it is switched off. */
  cache?: SpeechCache | undefined;
}

/** Silence after which speech has ended. The turn detector looks at 200 ms, so it must be longer. */
const END_OF_SPEECH_MS = 250;
/** Kept before the first detected sound, so that soft beginnings reach the transcriber. */
const PRE_ROLL_MS = 300;

/** One call, in a process of its own: started by the worker, ended with the room. */
export default defineAgent<Partial<Ready>>({
  prewarm: async (proc: JobProcess<Partial<Ready>>) => {
    Object.assign(proc.userData, await prepare());
  },
  entry: async (ctx: JobContext<Partial<Ready>>) => {
    const {
      config,
      log: processLog,
      vad,
      providers,
      prompts,
      metrics,
      traces,
      cache,
    } = await ready(ctx.proc);
    ctx.addShutdownCallback(async () => {
      await Promise.all([metrics.close(), traces.flush()]);
    });
    useSteadyClock();
    await ctx.connect();
    const room = ctx.room;
    leaveToOther(room, config.AGENT_NAME, () => {
      processLog.warn({ room: room.name }, 'another agent of ours is in this room already; this one leaves');
      ctx.shutdown('another agent is in the room');
    });
    // All is ready when the person comes: their sound is heard, and the greeting is on its way to them.
    const output = publishVoice(room);
    const changes = watchCallContext(room, config, processLog);
    const context = await readCallContext(room.metadata ?? '', config, processLog);
    const { language, id, channel } = context.session;
    const log = processLog.child({ session: id, channel });

    const observer = new CallObserver({
      language,
      channel: channelLabel(channel),
      record: metrics.record,
      log,
      onState: (state) => publishState(room, state, log),
    });
    const greetingOf = (of: CallContext) => prompts[language].greeting(userName(of));
    const { keep } = await phraseClauses(prompts[language].phrases);
    const { session, stt, overlap, detector } = createSession({
      config,
      id,
      language,
      providers,
      vad,
      cache,
      keep,
      backchannels: prompts[language].backchannels,
      onVoice: (agoMs) => {
        const hold = isOn(config, 'early-hold');
        observer.callerVoice(agoMs, hold && output.speaking);
        if (hold) output.hold();
      },
      onBackchannel: () => observer.heardBackchannel(),
      onNothing: () => {
        if (!isOn(config, 'quick-resume')) return;
        output.resume();
        observer.resumed();
      },
      record: metrics.record,
    });
    observer.follow(session);
    traceTranscriptions(session);
    session.output.audio = output;
    const speeches = new OpenSpeeches();
    speeches.follow(session);
    const { phrases } = prompts[language];
    const filler = new Filler({
      phrase: phrases.filler,
      log,
      speeches,
      awaitsWords: () => detector.awaitsWords,
      silenceMs: END_OF_SPEECH_MS,
    });
    if (isOn(config, 'filler')) filler.follow(session);
    if (isOn(config, 'watchdog'))
      new Watchdog({ log, speeches, gaveUp: phrases.model_failed }).follow(session);
    const assistant = new Assistant({
      project: config.PROJECT_NAME,
      prompts: prompts[language],
      data: renderDataTools(context.dataTools, language),
      greeting: greetingOf(context),
      caller: somebody(ctx).then((came) => {
        if (came) observer.callBegan();
        return came;
      }),
      log,
      modelUrl: providers.llm.baseUrl,
      warm: async (instructions) => {
        if (isOn(config, 'prompt-warm-up')) await warmPrompt(providers.llm, id, instructions);
      },
      historyChars: historyChars(providers.llm),
      ...(isOn(config, 'filler') && { filler }),
      onWords: (text) => overlap.agentSays(text),
      onModelSilent: ({ code }) => publishNotice(room, code, log),
    });
    stt.setTerms(dataToolsTerms(context.dataTools));
    changes.use(async (changed) => {
      stt.setTerms(dataToolsTerms(changed.dataTools));
      await assistant.updateData(renderDataTools(changed.dataTools, language), greetingOf(changed));
      log.info('data tools changed');
    });
    speakFailures(session, room, prompts[language].phrases, log);
    publishTurnReports(session, room, language, log, () => observer.takeTurn());
    session.on(voice.AgentSessionEventTypes.Close, ({ reason }) => {
      log.info({ reason }, 'call ended');
      // Not by the framework's `deleteRoomOnClose`: an agent that yields to another closes its session too.
      const ended =
        reason === voice.CloseReason.PARTICIPANT_DISCONNECTED ? ctx.deleteRoom() : Promise.resolve();
      void ended.finally(() => ctx.shutdown(reason));
    });

    await session.start({
      agent: assistant,
      room,
      // What Whisper and both VADs work with: nothing is resampled twice.
      inputOptions: { audioSampleRate: 16_000 },
      outputOptions: { audioEnabled: false },
      record: false,
    });
    log.info('ready for the caller');
  },
});

/** Whether somebody comes, as soon as that is known. */
async function somebody(ctx: JobContext<Partial<Ready>>): Promise<boolean> {
  try {
    await ctx.waitForParticipant();
    return true;
  } catch (error) {
    if (ctx.room.isConnected) throw error;
    return false;
  }
}

async function ready(proc: JobProcess<Partial<Ready>>): Promise<Ready> {
  const { config, log, vad, providers, prompts, metrics, traces, cache } = proc.userData;
  if (config && log && vad && providers && prompts && metrics && traces) {
    return { config, log, vad, providers, prompts, metrics, traces, cache };
  }
  return prepare();
}

async function prepare(): Promise<Ready> {
  const config = loadConfig();
  const log = createLogger('job', config.LOG_LEVEL);
  const metrics = reportToWorker();
  const traces = traceCalls(config);
  // The framework logs these at debug only, and an error that nobody sees is a call that hangs.
  process.on('unhandledRejection', (error) => {
    log.error({ err: error }, 'unhandled rejection in a job process');
    metrics.record('unhandled_rejections_total', 1, {});
  });
  const [vad, providers] = await Promise.all([
    silero.VAD.load({ minSilenceDuration: END_OF_SPEECH_MS, prefixPaddingDuration: PRE_ROLL_MS }),
    resolveProviders(config),
  ]);
  const languages = { es: loadPrompts('es'), en: loadPrompts('en') };
  const cache = createSpeechCache(config);
  if (cache !== undefined) await preloadPhrases(config, providers.tts, cache, languages);
  cache?.on('lookup', (result) => {
    log.debug({ result }, 'a clause was looked up in the speech cache');
    metrics.record('speech_cache_lookups_total', 1, { result });
  });
  return { config, log, vad, providers, prompts: languages, metrics, traces, cache };
}

/** The name to greet by, where the data tools have one. */
function userName({ dataTools }: CallContext): string | undefined {
  const user = dataTools.user_context;
  if (typeof user !== 'object' || user === null || Array.isArray(user)) return undefined;
  const name = user.name ?? user.nombre;
  return typeof name === 'string' && name.trim() !== '' ? name.trim().split(/\s+/)[0] : undefined;
}
