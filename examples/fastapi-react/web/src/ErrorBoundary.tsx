import { Component, type ReactNode } from "react";

interface Props {
  readonly name: string;
  readonly children: ReactNode;
}

interface State {
  readonly failed: boolean;
}

/** Keeps a part of the page that throws from taking the rest with it, and offers a way back. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { failed: false };

  static getDerivedStateFromError(): State {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div role="alert" className="problem">
        <p>Something went wrong in {this.props.name}.</p>
        <button
          type="button"
          onClick={() => {
            this.setState({ failed: false });
          }}
        >
          Show it again
        </button>
      </div>
    );
  }
}
