import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import { ErrorBoundary } from "./ErrorBoundary";
import { SignedIn } from "./SignedIn";
import "./style.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <ErrorBoundary name="this page">
      <SignedIn>
        <App />
      </SignedIn>
    </ErrorBoundary>
  </StrictMode>,
);
