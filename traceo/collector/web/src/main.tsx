import { render } from "preact";
import { App } from "./app";
import { applyStoredTheme } from "./parts/theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/list.css";
import "./styles/trace.css";
import "./styles/detail.css";

applyStoredTheme();
const mount = document.getElementById("app");
if (mount) render(<App />, mount);
