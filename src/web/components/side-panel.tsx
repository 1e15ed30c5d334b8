import { type KeyboardEvent, type ReactNode, useRef, useState } from 'react';
import { useSettings } from '../hooks/use-services.tsx';
import { useShortcut } from '../hooks/use-shortcut.ts';
import { useMessages } from '../i18n/i18n.tsx';
import { DataPanel } from './data-panel.tsx';
import { ChevronIcon } from './icons.tsx';
import { LatencyPanel } from './latency-panel.tsx';
import { LogPanel } from './log-panel.tsx';
import './side-panel.css';

type Tab = 'data' | 'log' | 'latency';

const PANELS: Readonly<Record<Tab, () => ReactNode>> = {
  data: DataPanel,
  log: LogPanel,
  latency: LatencyPanel,
};

/** Data, log and latency as tabs: beside the conversation on a wide screen, a drawer at the bottom of a narrow one. */
export function SidePanel() {
  const { panel } = useMessages();
  const hasData = useSettings(({ enable_tools }) => enable_tools);
  const tabs: Tab[] = hasData ? ['data', 'log', 'latency'] : ['log', 'latency'];
  const [chosen, setChosen] = useState<Tab>('data');
  const selected = tabs.includes(chosen) ? chosen : 'log';
  const [open, setOpen] = useState(false);
  const handle = useRef<HTMLButtonElement>(null);
  const buttons = useRef(new Map<Tab, HTMLButtonElement>());

  useShortcut('Escape', () => {
    if (!open) return;
    setOpen(false);
    handle.current?.focus();
  });

  const onArrow = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const next = tabs.at((tabs.indexOf(selected) + step) % tabs.length);
    if (step === 0 || !next) return;
    event.preventDefault();
    setChosen(next);
    buttons.current.get(next)?.focus();
  };

  return (
    <>
      {open && <div className="drawer-backdrop" aria-hidden="true" onClick={() => setOpen(false)} />}
      <aside className={open ? 'side-panel card is-open' : 'side-panel card'} aria-label={panel.label}>
        <div className="tabs">
          <div className="tab-list" role="tablist" aria-label={panel.label}>
            {tabs.map((tab) => (
              <button
                key={tab}
                type="button"
                role="tab"
                id={`tab-${tab}`}
                data-testid={`tab-${tab}`}
                aria-selected={tab === selected}
                aria-controls={`panel-${tab}`}
                tabIndex={tab === selected ? 0 : -1}
                ref={(button) => {
                  if (button) buttons.current.set(tab, button);
                }}
                onKeyDown={onArrow}
                onClick={() => {
                  setChosen(tab);
                  setOpen(true);
                }}
              >
                {panel[tab]}
              </button>
            ))}
          </div>
          <button
            type="button"
            className="drawer-handle"
            ref={handle}
            aria-expanded={open}
            aria-label={open ? panel.close : panel.open}
            onClick={() => setOpen(!open)}
          >
            <ChevronIcon />
          </button>
        </div>
        {tabs.map((tab) => {
          const Panel = PANELS[tab];
          return (
            <div
              key={tab}
              className="tab-panel"
              role="tabpanel"
              id={`panel-${tab}`}
              aria-labelledby={`tab-${tab}`}
              hidden={tab !== selected}
            >
              <Panel />
            </div>
          );
        })}
      </aside>
    </>
  );
}
