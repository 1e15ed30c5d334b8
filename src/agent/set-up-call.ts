import { voice } from '@livekit/agents';
import type { Room } from '@livekit/rtc-node';
import { isOn } from '../config/config.ts';
import { canCallTools, dataTokens, historyChars, warmPrompt } from '../providers/llm/create-llm.ts';
import { createLiveKit } from '../rooms/livekit.ts';
import { dataToolsTerms } from '../sessions/data-tools-terms.ts';
import { firstName } from '../sessions/first-name.ts';
import { phoneSettingsOf } from '../sessions/phone-settings.ts';
import { plainText } from '../sessions/plain-text.ts';
import { MAX_INSTRUCTIONS_CHARS } from '../sessions/profile.ts';
import { renderDataTools } from '../sessions/render-data-tools.ts';
import { channelLabel } from '../telemetry/call-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import { Assistant, type Known } from './assistant.ts';
import type { CallContext } from './call-context.ts';
import type { CallJournal } from './call-journal.ts';
import { CallObserver } from './call-observer.ts';
import { createSession } from './create-session.ts';
import { speakFailures } from './failures.ts';
import { END_OF_SPEECH_MS, type ReadyProcess } from './job-process.ts';
import { PhoneCall } from './phone/phone-call.ts';
import { createPhoneLine } from './phone/phone-line.ts';
import { publishState } from './publish-state.ts';
import { AnnouncedRecording } from './recording/announced-recording.ts';
import type { TappedSink } from './recording/tapped-sink.ts';
import { AmbientSound } from './sound/ambient-sound.ts';
import { createCallTools } from './tools/call-tools.ts';
import { traceTranscriptions } from './trace-transcriptions.ts';
import { publishNotice, publishTurnReports } from './turn-reports.ts';
import { Filler } from './turns/filler.ts';
import type { InterruptibleOutput } from './turns/interruptible-output.ts';
import { OpenSpeeches } from './turns/open-speeches.ts';
import { Watchdog } from './turns/watchdog.ts';

export interface CallSetUp {
  session: voice.AgentSession;
  assistant: Assistant;
  log: Logger;
  phone: PhoneCall;
  /** New data tools, used from the next answer on. */
  update: (changed: CallContext) => Promise<void>;
  /** Ends the recording, and what is heard behind the agent. Done as well when the session closes. */
  endSounds: () => Promise<void>;
}

/**
 * All parts of one call, wired together; nothing is started but the speech of the greeting.
 *
 * @param options.output - where the agent's voice goes
 * @param options.heard - what is heard of it
 * @param options.callId - of the call in the history, where there is one
 * @param options.caller - whether somebody comes, as soon as that is known
 * @param options.journal - where the history of the call goes
 */
export async function setUpCall(
  ready: ReadyProcess,
  options: {
    room: Room;
    output: InterruptibleOutput;
    heard: TappedSink;
    callId: string;
    context: CallContext;
    caller: Promise<boolean>;
    journal?: CallJournal | undefined;
  },
): Promise<CallSetUp> {
  const { config, vad, providers, prompts, metrics, speech } = ready;
  const { room, output, heard, callId, context, caller, journal } = options;
  const { language, id, channel } = context.session;
  const log = ready.log.child({ session: id, channel });

  const observer = new CallObserver({
    language,
    channel: channelLabel(channel),
    record: metrics.record,
    log,
    onState: (state) => publishState(room, state, log),
  });
  const greetingOf = (of: CallContext) => prompts[language].greeting(firstName(of.dataTools));
  const { session, stt, tts, overlap, detector } = createSession({
    config,
    id,
    language,
    providers,
    vad,
    ...(speech !== undefined && { kept: { cache: speech.cache, keep: speech.keep[language] } }),
    backchannels: prompts[language].backchannels,
    awayAfterS: phoneSettingsOf(context.profile).silence.after_s,
    onVoice: (agoMs) => {
      const hold = isOn(config, 'early-hold');
      observer.callerVoice(agoMs, hold && output.speaking);
      if (hold) output.hold();
    },
    onNothing: () => {
      if (!isOn(config, 'quick-resume')) return;
      output.resume();
      observer.resumed();
    },
    onTranscribing: (busy) => {
      if (isOn(config, 'quick-resume')) output.awaitWords(busy);
    },
    onBackchannel: () => observer.heardBackchannel(),
    record: metrics.record,
  });
  observer.follow(session);
  const { phrases } = prompts[language];
  const speeches = new OpenSpeeches();
  let now = context;
  const phone = new PhoneCall({
    room,
    line: createPhoneLine({
      room,
      livekit: createLiveKit(config),
      outboundTrunk: config.SIP_OUTBOUND_TRUNK,
    }),
    phrases,
    words: prompts[language].phone,
    log,
    speeches,
    awaitsWords: () => detector.awaitsWords,
    context: () => now,
  });
  // Before those who take the times of the turn.
  journal?.follow(session, output, {
    bargeInMs: () => observer.bargeInMs,
    outcome: (reason) => phone.outcome(reason),
  });
  traceTranscriptions(session);
  session.output.audio = output;
  speeches.follow(session);
  phone.follow(session);
  const ambience = new AmbientSound({ room, session, log });
  // What the history knows nothing of is not kept either.
  const recording =
    journal &&
    new AnnouncedRecording({
      ...{ config, callId, room, voice: heard, record: metrics.record, log },
      ...{ session, output, currentSpeech: () => speeches.first, notice: phrases.recording_notice },
    });
  let isThere = false;
  const beginSounds = () => {
    isThere = true;
    void ambience.use(now.profile);
    recording?.use(now.profile.recording);
  };
  const endSounds = async () => {
    await Promise.all([ambience.close(), recording?.close()]);
  };
  session.on(voice.AgentSessionEventTypes.Close, () => void endSounds());
  const filler = new Filler({
    phrase: phrases.filler,
    log,
    speeches,
    awaitsWords: () => detector.awaitsWords,
    silenceMs: END_OF_SPEECH_MS,
  });
  if (isOn(config, 'filler')) filler.follow(session);
  if (isOn(config, 'watchdog')) {
    const isLeaving = () => phone.isLeaving;
    new Watchdog({ log, speeches, gaveUp: phrases.model_failed, isLeaving }).follow(session);
  }
  const tools = createCallTools({
    config,
    sessionId: id,
    language,
    words: prompts[language].tools,
    answers: prompts[language].answers,
    dataTools: () => now.dataTools,
    revision: () => now.revision,
    permissions: () => now.profile.tools ?? {},
    phone: () => (phone.isPhone ? phone : undefined),
  });
  const mayUseTools = await canCallTools(providers.llm);
  const known = (of: CallContext): Known => {
    const { text, isCut } = renderDataTools(of.dataTools, language, { maxTokens: dataTokens(providers.llm) });
    const given = mayUseTools ? tools.toolsFor(isCut) : [];
    return {
      data: text,
      extra: instructionsOf(of),
      tools: given,
      ...(given.some(({ name }) => name === 'look_up') && { recall: tools.recall }),
      greeting: greetingOf(of),
      isPhone: phone.isPhone,
    };
  };
  const assistant = new Assistant({
    project: config.PROJECT_NAME,
    prompts: prompts[language],
    known: known(context),
    gate: tools.gate,
    caller: caller.then((came) => {
      if (came) {
        journal?.began();
        observer.callBegan();
        phone.began();
      }
      return came;
    }),
    log,
    modelUrl: providers.llm.baseUrl,
    warm: async (instructions, given) => {
      if (isOn(config, 'prompt-warm-up')) await warmPrompt(providers.llm, id, instructions, given);
    },
    historyChars: historyChars(providers.llm),
    ...(isOn(config, 'filler') && { filler }),
    currentSpeech: () => speeches.first,
    onTurn: (message) => phone.onTurn(message),
    isLeaving: () => phone.isLeaving,
    beforeGreeting: beginSounds,
    onWords: (text) => overlap.agentSays(text),
    onModelSilent: ({ code }) => publishNotice(room, code, log),
  });
  stt.setTerms(dataToolsTerms(context.dataTools));
  await tts.prepare(greetingOf(context));
  speakFailures(session, room, phrases, log);
  publishTurnReports(session, room, language, log, () => observer.takeTurn());
  return {
    session,
    assistant,
    log,
    phone,
    update: async (changed) => {
      stt.setTerms(dataToolsTerms(changed.dataTools));
      now = changed;
      phone.changed();
      // A profile that came late.
      if (isThere) beginSounds();
      await assistant.update(known(changed));
      log.info('data tools changed');
    },
    endSounds,
  };
}

/** What the profile adds, line by line without what a chat template could take for its own. */
function instructionsOf({ profile: { instructions = '' } }: CallContext): string {
  return instructions
    .split('\n')
    .map((line) => plainText(line, MAX_INSTRUCTIONS_CHARS))
    .join('\n')
    .trim();
}
