import { Alerts } from "./Alerts.js";
import { Answer } from "./Answer.js";
import { Uploads } from "./Uploads.js";

export function App() {
  return (
    <>
      <header className="top">
        <p className="brand">
          Tightbeam <span>with FastAPI and React</span>
        </p>
        <Alerts />
      </header>
      <main>
        <Uploads />
        <Answer />
      </main>
    </>
  );
}
