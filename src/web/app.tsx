import { RoomAudioRenderer, RoomContext } from '@livekit/components-react';
import { useLayoutEffect } from 'react';
import { Header } from './components/header.tsx';
import { Notices } from './components/notices.tsx';
import { SidePanel } from './components/side-panel.tsx';
import { Stage } from './components/stage.tsx';
import { Transcript } from './components/transcript.tsx';
import { ServicesProvider, useAppearance, useCall, useSettings } from './hooks/use-services.tsx';
import { LanguageProvider } from './i18n/i18n.tsx';
import type { Services } from './state/services.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';

/** The page. */
export function App({ services }: { services: Services }) {
  return (
    <ServicesProvider services={services}>
      <Page />
    </ServicesProvider>
  );
}

function Page() {
  const { language, theme } = useAppearance();
  const name = useSettings((settings) => settings.project_name);
  const room = useCall((state) => state.room);

  // Before anything is painted, and before the orb reads its colours.
  useLayoutEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dataset.theme = theme;
    document.title = name;
  }, [language, theme, name]);

  return (
    <LanguageProvider language={language}>
      <RoomContext.Provider value={room}>
        <Header />
        <main className="main">
          <Stage />
          <Transcript />
          <SidePanel />
        </main>
        <Notices />
        <RoomAudioRenderer />
      </RoomContext.Provider>
    </LanguageProvider>
  );
}
