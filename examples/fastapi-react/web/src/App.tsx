import { Alerts } from "./Alerts.js";
import { Answer } from "./Answer.js";
import { ErrorBoundary } from "./ErrorBoundary.js";
import { Uploads } from "./Uploads.js";

export function App() {
  return (
    <>
      <header className="top">
        <h1 className="brand">
          Tightbeam <span>with FastAPI and React</span>
        </h1>
        <ErrorBoundary name="the alerts">
          <Alerts />
        </ErrorBoundary>
      </header>
      <main>
        <ErrorBoundary name="the uploads">
          <Uploads />
        </ErrorBoundary>
        <ErrorBoundary name="the answer">
          <Answer />
        </ErrorBoundary>
      </main>
    </>
  );
}
