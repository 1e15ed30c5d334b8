import { randomUUID } from 'node:crypto';
import { defineAgent, type JobContext, type JobProcess, voice } from '@livekit/agents';
import { parseRoomMetadata } from '../rooms/metadata.ts';
import { FINAL_OUTCOMES } from '../telemetry/call-event.ts';
import { watchCallContext } from './call-context.ts';
import { openCallJournal } from './call-journal.ts';
import { followLine } from './follow-line.ts';
import { prepareProcess, type ReadyProcess, readyOf } from './job-process.ts';
import { leaveToOther } from './only-agent.ts';
import { isAbandoned, isOwnRoom } from './own-room.ts';
import { watchCallerLine } from './phone/caller-line.ts';
import { findSession } from './phone/find-session.ts';
import { publishVoice } from './publish-voice.ts';
import { setUpCall } from './set-up-call.ts';
import { useSteadyClock } from './turns/steady-clock.ts';

/** One call, in a process of its own: started by the worker, ended with the room. */
export default defineAgent<Partial<ReadyProcess>>({
  prewarm: async (proc: JobProcess<Partial<ReadyProcess>>) => {
    Object.assign(proc.userData, await prepareProcess());
  },
  entry: async (ctx: JobContext<Partial<ReadyProcess>>) => {
    const ready = await readyOf(ctx.proc);
    const { config, log: processLog, metrics, traces } = ready;
    ctx.addShutdownCallback(async () => {
      await Promise.all([metrics.close(), traces.flush()]);
    });
    useSteadyClock();
    const { room } = ctx;
    // All is made ready while the room is joined, and before the caller comes: they are heard, and greeted, at once.
    const connected = ctx.connect();
    const { output, heard } = publishVoice(room, connected);
    followLine(room, output, processLog);
    void connected.then(async () => {
      if (await isOwnRoom(room, ctx.job.room?.sid ?? '')) return;
      processLog.info('the call was over before the agent came');
      if (isAbandoned(room)) await ctx.deleteRoom();
      ctx.shutdown('the room is another');
    });
    const changes = watchCallContext(room, config, processLog);
    const line = watchCallerLine(room, connected);
    const given = ctx.job.room?.metadata ?? '';
    const found = await findSession(config, room, { given, connected, line, log: processLog });
    const context = await changes.read(found.metadata, found.unknown);
    const callId = context.call ?? randomUUID();
    const journal = openCallJournal(config, context.session.id, processLog, {
      call: callId,
      later: found.later?.then(sessionIn),
    });
    ctx.addShutdownCallback(async () => journal?.close());
    const { session, assistant, log, phone, update, endSounds } = await setUpCall(ready, {
      room,
      output,
      heard,
      callId,
      context,
      caller: line.answered,
      journal,
    });
    ctx.addShutdownCallback(endSounds);
    changes.use(update);
    void found.later?.then((metadata = '') => changes.notice(metadata));
    session.on(voice.AgentSessionEventTypes.Close, ({ reason }) => {
      log.info({ reason }, 'call ended');
      // Not by the framework's `deleteRoomOnClose`: an agent that yields to another closes its session too.
      const ended = FINAL_OUTCOMES.has(reason)
        ? phone.roomIsFree().then(() => ctx.deleteRoom())
        : Promise.resolve();
      void ended.finally(() => ctx.shutdown(reason));
    });

    const call = { hungUp: false, started: false };
    // The framework sees some ways to hang up, and none while the session starts.
    const hangUp = () =>
      session.shutdown({ drain: false, reason: voice.CloseReason.PARTICIPANT_DISCONNECTED });
    void line.hungUp.then(() => {
      call.hungUp = true;
      // Who ends the session closes the room without having hung up.
      if (room.isConnected) journal?.hungUp();
      // A call that nobody answered is one all the same; of those that we place, the API knows.
      if (context.session.phone?.direction === 'inbound') journal?.began();
      if (call.started) hangUp();
    });

    await connected;
    leaveToOther(room, config.AGENT_NAME, () => {
      processLog.warn({ room: room.name }, 'another agent of ours is in this room already; this one leaves');
      ctx.shutdown('another agent is in the room');
    });
    if ((room.metadata ?? '') !== found.metadata) changes.notice(room.metadata ?? '');
    if (call.hungUp) {
      await ctx.deleteRoom();
      return ctx.shutdown(voice.CloseReason.PARTICIPANT_DISCONNECTED);
    }
    // The room was closed before anybody came; this process ends by itself.
    if (!room.isConnected) return;
    await session.start({
      agent: assistant,
      room,
      // What Whisper and both VADs work with: nothing is resampled twice.
      inputOptions: { audioSampleRate: 16_000 },
      outputOptions: { audioEnabled: false },
      record: false,
    });
    call.started = true;
    if (call.hungUp) hangUp();
    log.info('ready for the caller');
  },
});

/** The session that a room's metadata name. */
function sessionIn(metadata = ''): string | undefined {
  return parseRoomMetadata(metadata)?.session.id;
}
