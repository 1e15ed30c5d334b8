import { defineAgent, type JobContext, type JobProcess, voice } from '@livekit/agents';
import { FINAL_OUTCOMES } from '../telemetry/call-event.ts';
import { watchCallContext } from './call-context.ts';
import { openCallJournal } from './call-journal.ts';
import { prepareProcess, type ReadyProcess, readyOf } from './job-process.ts';
import { leaveToOther } from './only-agent.ts';
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
    const output = publishVoice(room, connected);
    const metadata = ctx.job.room?.metadata ?? '';
    const changes = watchCallContext(room, config, processLog);
    const context = await changes.read(metadata);
    const caller = connected.then(() => somebody(ctx));
    const journal = openCallJournal(config, context.session.id, processLog);
    ctx.addShutdownCallback(async () => journal?.close());
    const { session, assistant, log, phone, update } = await setUpCall(ready, {
      room,
      output,
      context,
      caller,
      journal,
    });
    changes.use(update);
    session.on(voice.AgentSessionEventTypes.Close, ({ reason }) => {
      log.info({ reason }, 'call ended');
      // Not by the framework's `deleteRoomOnClose`: an agent that yields to another closes its session too.
      const ended = FINAL_OUTCOMES.has(reason)
        ? phone.roomIsFree().then(() => ctx.deleteRoom())
        : Promise.resolve();
      void ended.finally(() => ctx.shutdown(reason));
    });

    await connected;
    leaveToOther(room, config.AGENT_NAME, () => {
      processLog.warn({ room: room.name }, 'another agent of ours is in this room already; this one leaves');
      ctx.shutdown('another agent is in the room');
    });
    if ((room.metadata ?? '') !== metadata) changes.notice(room.metadata ?? '');
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
async function somebody(ctx: JobContext<Partial<ReadyProcess>>): Promise<boolean> {
  try {
    await ctx.waitForParticipant();
    return true;
  } catch (error) {
    if (ctx.room.isConnected) throw error;
    return false;
  }
}
