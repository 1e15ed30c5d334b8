import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { createServices } from './state/services.ts';
import { takeUserToken } from './state/user-token.ts';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');

const services = createServices(window.location.search, { userToken: takeUserToken() });
createRoot(root).render(<App services={services} />);
void services.open();
