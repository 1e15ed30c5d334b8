// @vitest-environment jsdom
import { act, cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { App } from '../../src/web/app.tsx';
import { createServices } from '../../src/web/state/services.ts';
import { FakeRoom } from './fake-room.ts';

const SESSION = { session_id: 's1', room: 'r1', identity: 'person', url: 'ws://x', token: 't' };

interface Call {
  method: string;
  path: string;
  body: unknown;
}

describe('the page', () => {
  let requests: Call[];
  /** What each request to start a session showed. */
  let shown: (string | null)[];
  let settings: Record<string, unknown>;
  let room: FakeRoom;
  let startAnswer: () => Response;

  beforeEach(() => {
    requests = [];
    shown = [];
    startAnswer = () => Response.json(SESSION, { status: 201 });
    settings = { project_name: 'Tienda', language: 'es', auto_connect: true, frontend_theme: 'minimal' };
    localStorage.clear();
    sessionStorage.clear();
    // jsdom has neither a canvas nor media queries.
    vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null);
    vi.stubGlobal('isSecureContext', true);
    vi.stubGlobal('matchMedia', () => ({
      matches: false,
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
    }));
    vi.stubGlobal('fetch', async (request: Request) => {
      const { method, url } = request;
      const { pathname: path } = new URL(url);
      const body = await request.text();
      requests.push({ method, path, body: body === '' ? undefined : JSON.parse(body) });
      if (path === '/settings') return Response.json(settings);
      if (path === '/session/start') {
        shown.push(request.headers.get('authorization'));
        return startAnswer();
      }
      if (path === '/get-user-data') return Response.json({ user_id: 'ana', data_tools: { ticket: 4321 } });
      return Response.json({});
    });
  });
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  async function open(search = '', userToken?: string) {
    const newRoom = () => {
      room = new FakeRoom();
      return room;
    };
    const services = createServices(search, { newRoom, userToken });
    const user = userEvent.setup();
    render(<App services={services} />);
    await act(() => services.open());
    return { services, user };
  }

  const started = () => requests.filter(({ path }) => path === '/session/start').map(({ body }) => body);

  it('calls by itself, with the data tools of the editor', async () => {
    await open();
    await screen.findByTestId('hangup');
    expect(started()).toEqual([
      {
        user_id: expect.stringMatching(/^web-[0-9a-f]{24}$/),
        language: 'es',
        data_tools: { user_context: expect.objectContaining({ name: 'Juan Pérez' }) },
      },
    ]);
    expect(screen.getByTestId('agent-state').textContent).toBe('Esperando al asistente…');
  });

  it('keeps the id of the person between visits', async () => {
    await open();
    cleanup();
    await open();
    const [first, second] = started() as { user_id: string }[];
    expect(second?.user_id).toBe(first?.user_id);
  });

  it('calls for the user of its token, and shows it', async () => {
    const claims = Buffer.from(JSON.stringify({ sub: 'ana' })).toString('base64url');
    await open('?user_id=eve', `e30.${claims}.c2ln`);
    await screen.findByTestId('hangup');
    expect(started()).toEqual([expect.objectContaining({ user_id: 'ana' })]);
    expect(shown).toEqual([`Bearer e30.${claims}.c2ln`]);
    expect(requests.map(({ path }) => path)).not.toContain('/get-user-data');
  });

  it('says what is needed where it is not let in, and does not try again by itself', async () => {
    startAnswer = () =>
      Response.json({ code: 'CHARLA_UNAUTHORIZED', detail: 'This needs a key.' }, { status: 401 });
    await open();
    expect((await screen.findByRole('alert')).textContent).toContain('#token=');
    expect(screen.getByTestId('connect').textContent).toBe('Volver a llamar');
    expect(started()).toHaveLength(1);
  });

  it('waits for the person when it is not to call by itself', async () => {
    settings.auto_connect = false;
    const { user } = await open();
    expect(started()).toEqual([]);
    await user.click(screen.getByTestId('connect'));
    await screen.findByTestId('hangup');
    expect(started()).toHaveLength(1);
    await user.click(screen.getByTestId('hangup'));
    expect(screen.getByTestId('connect').textContent).toBe('Volver a llamar');
  });

  it('looks a named user up', async () => {
    await open('?user_id=ana');
    await screen.findByTestId('hangup');
    expect(started()).toEqual([{ user_id: 'ana', language: 'es', data_tools: { ticket: 4321 } }]);
  });

  it('sends no data tools where the server does not want them', async () => {
    settings.enable_tools = false;
    await open();
    await screen.findByTestId('hangup');
    expect(started()).toEqual([expect.not.objectContaining({ data_tools: expect.anything() })]);
    expect(screen.queryByTestId('data-editor')).toBeNull();
  });

  it('shows words lighter until they are final', async () => {
    await open();
    await screen.findByTestId('hangup');
    const hear = (text: string, final: string) =>
      act(() =>
        room.hear('lk.transcription', 'person', [text], {
          'lk.segment_id': 'u',
          'lk.transcription_final': final,
        }),
      );
    await hear('qué', 'false');
    expect(screen.getByTestId('transcript-user').dataset.final).toBe('false');
    await hear('¿Qué tengo?', 'true');
    expect(screen.getByTestId('transcript-user').dataset.final).toBe('true');
    expect(screen.getByTestId('transcript-user').textContent).toBe('¿Qué tengo?');
  });

  it('shows latencies and notices', async () => {
    const { user } = await open();
    await screen.findByTestId('hangup');
    await act(() => room.hear('charla.turn', 'agent', ['{"turn":1,"sttMs":200,"voiceToVoiceMs":1234}']));
    expect(screen.getByTestId('latency-turn').textContent).toContain('1234 ms');
    await act(() => room.hear('charla.notice', 'agent', ['{"code":"X","message":"The model is away."}']));
    const notice = screen.getByTestId('notice');
    expect(notice.textContent).toBe('The model is away.');
    await user.click(within(notice).getByRole('button', { name: 'Cerrar aviso' }));
    expect(screen.queryByTestId('notice')).toBeNull();
  });

  it('sends typed words and shows them', async () => {
    const { user } = await open();
    await screen.findByTestId('hangup');
    await user.type(screen.getByTestId('chat-input'), 'hola, mmm{Enter}');
    expect(room.typed).toEqual(['hola, mmm']);
    expect(screen.getByTestId('transcript-user').textContent).toBe('hola, mmm');
    expect(screen.getByTestId('mute').textContent).toBe('Silenciar');
  });

  it('mutes with the key M', async () => {
    const { user } = await open();
    await screen.findByTestId('hangup');
    await user.keyboard('m');
    expect((await screen.findByTestId('mute')).getAttribute('aria-pressed')).toBe('true');
  });

  it('shows where data tools are wrong, and sends them when they are right', async () => {
    const { user } = await open();
    await screen.findByTestId('hangup');
    const editor = screen.getByTestId('data-editor');
    await user.clear(editor);
    await user.type(editor, '{{"a" 1}');
    expect(screen.getByTestId('data-status').textContent).toBe('Línea 1, columna 6: faltan los dos puntos.');
    expect(screen.getByTestId('data-send')).toHaveProperty('disabled', true);
    await user.selectOptions(screen.getByTestId('data-examples'), 'app');
    await user.click(screen.getByTestId('data-send'));
    expect(requests.at(-1)).toEqual({
      method: 'PUT',
      path: '/session/s1/data-tools',
      body: { app_data: { version: '2.0.0', features: ['voice', 'tools'] } },
    });
    expect(screen.getByTestId('data-status').textContent).toContain('Guardado');
    expect(screen.getByTestId('log').textContent).toContain('Datos enviados: app_data');
  });

  it('follows the theme of the settings, the address and the switch', async () => {
    const { user } = await open();
    expect(document.documentElement.dataset.theme).toBe('minimal');
    expect(document.title).toBe('Tienda');
    cleanup();
    await open('?theme=dark');
    expect(document.documentElement.dataset.theme).toBe('dark');
    await user.click(screen.getByRole('radio', { name: 'Moderno' }));
    expect(document.documentElement.dataset.theme).toBe('modern');
  });

  it('speaks English at the press of a switch, the log of before too', async () => {
    const { user } = await open();
    await screen.findByTestId('hangup');
    await user.click(screen.getByRole('radio', { name: 'English' }));
    expect(document.documentElement.lang).toBe('en');
    expect(screen.getByTestId('hangup').textContent).toBe('Hang up');
    expect(screen.getByTestId('log').textContent).toContain('Connected to the room');
  });

  it('is walked through its tabs by arrow keys', async () => {
    const { user } = await open();
    await user.click(screen.getByTestId('tab-data'));
    await user.keyboard('{ArrowRight}');
    expect(document.activeElement).toBe(screen.getByTestId('tab-log'));
    expect(screen.getByRole('tabpanel', { name: 'Registro' })).toBeTruthy();
    await user.keyboard('{ArrowRight}{ArrowRight}');
    expect(document.activeElement).toBe(screen.getByTestId('tab-data'));
  });

  it('closes its drawer with Escape', async () => {
    const { user } = await open();
    await user.click(screen.getByRole('button', { name: 'Abrir detalles' }));
    await user.keyboard('{Escape}');
    expect(screen.getByRole('button', { name: 'Abrir detalles' }).getAttribute('aria-expanded')).toBe(
      'false',
    );
  });
});
