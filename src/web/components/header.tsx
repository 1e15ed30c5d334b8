import type { Theme } from '../api/charla-api.ts';
import { useAppearance, useServices, useSettings } from '../hooks/use-services.tsx';
import { useMessages } from '../i18n/i18n.tsx';
import type { Language } from '../i18n/messages.ts';
import './header.css';

const THEMES: readonly Theme[] = ['modern', 'minimal', 'dark'];
const LANGUAGES: readonly Language[] = ['es', 'en'];

/** The name of the project, and the switches of language and theme. */
export function Header() {
  const { page } = useMessages();
  const { preferences } = useServices();
  const { language, theme } = useAppearance();
  const name = useSettings((settings) => settings.project_name);
  return (
    <header className="header">
      <a className="skip-link" href="#conversation">
        {page.skip}
      </a>
      <h1 className="brand">
        <span className="brand-mark" aria-hidden="true" />
        {name}
      </h1>
      <Switch
        name="language"
        label={page.language}
        options={LANGUAGES.map((value) => ({
          value,
          label: page.languages[value],
          short: value.toUpperCase(),
        }))}
        value={language}
        onChange={(value) => preferences.setState({ language: value })}
      />
      <Switch
        name="theme"
        label={page.theme}
        options={THEMES.map((value) => ({ value, label: page.themes[value] }))}
        value={theme}
        onChange={(value) => preferences.setState({ theme: value })}
      />
    </header>
  );
}

interface SwitchProps<T extends string> {
  name: string;
  label: string;
  options: readonly { value: T; label: string; short?: string }[];
  value: T;
  onChange: (value: T) => void;
}

/** A few choices of which one holds: radio buttons that look like one control. */
function Switch<T extends string>({ name, label, options, value, onChange }: SwitchProps<T>) {
  return (
    <fieldset className={`switch switch-${name}`}>
      <legend className="visually-hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} title={option.label} className={`option-${option.value}`}>
          <input
            type="radio"
            className="visually-hidden"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
            aria-label={option.label}
          />
          <span aria-hidden="true">{option.short ?? option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
