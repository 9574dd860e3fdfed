import { useState } from "preact/hooks";
import { MoonIcon, SunIcon, SystemIcon } from "./icons";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const KEY = "traceo.theme";
const ICONS = { system: SystemIcon, light: SunIcon, dark: MoonIcon };

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === value) ?? "system";
  } catch {
    return "system"; // storage may be switched off
  }
}

function store(theme: Theme): void {
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // the choice then lasts as long as the page
  }
}

function apply(theme: Theme): void {
  const root = document.documentElement;
  if (theme === "system") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", theme);
}

/** Before the first paint, so that a chosen theme does not flash the other one. */
export const applyStoredTheme = (): void => apply(stored());

export function ThemeToggle() {
  const [theme, setTheme] = useState<Theme>(stored);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] as Theme;
  const choose = () => {
    setTheme(next);
    apply(next);
    store(next);
  };
  const Icon = ICONS[theme];
  const label = `Theme: ${theme}. Switch to ${next}`;
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} onClick={choose}>
      <Icon />
    </button>
  );
}
