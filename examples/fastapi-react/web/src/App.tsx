import { Alerts } from "./Alerts";
import { Answer } from "./Answer";
import { ErrorBoundary } from "./ErrorBoundary";
import { Uploads } from "./Uploads";

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
