// The hooks with props that a test sets; `window.commits` has what each commit showed, `window.handled` each message.
import { Activity, StrictMode, useLayoutEffect } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";

import { useChannel } from "../channels/_useChannel";
import { useChannels } from "../channels/_useChannels";
import { alertsChannel } from "../channels/alerts";
import { ordersChannel } from "../channels/orders";
import { uploadsChannel } from "../channels/uploads";

type Shared = {
  token?: string;
  from?: "now" | "latest" | "start";
  historyLimit?: number | null;
  pauseOnHidden?: boolean;
  enabled?: boolean;
};
type Props = Shared & { upload?: string | null; topics?: ("status" | "result")[]; orders?: number[]; uploads?: string[] };
type Shown = { messages: readonly { channel: string; topic: string; data: unknown }[] };

declare global {
  interface Window {
    commits: unknown[];
    handled: unknown[];
    resets: number;
    retry: () => void;
    mount: (props: Props, isStrict?: boolean, isHidden?: boolean) => void;
    unmount: () => void;
  }
}
window.commits = [];
window.handled = [];
window.resets = 0;

const onMessage = (message: unknown): void => void window.handled.push(message);
const onReset = (): void => void (window.resets += 1);

function Commit({ shown, of }: { shown: Shown & { retry: () => void }; of: unknown }) {
  const { retry } = shown;
  useLayoutEffect(() => {
    window.commits.push({ of, ...JSON.parse(JSON.stringify(shown)) });
    window.retry = retry;
  });
  return <pre>{JSON.stringify(shown)}</pre>;
}

function Upload({ upload, topics, token, ...options }: Props) {
  const channel = upload == null ? null : uploadsChannel({ uploadId: upload });
  const more = topics === undefined ? {} : { topics };
  const state = useChannel(channel, { token: token ?? `/token/${channel?.name}`, ...more, ...options, onMessage, onReset });
  return <Commit shown={state} of={upload} />;
}

function Alerts({ token, ...options }: Shared) {
  const state = useChannel(alertsChannel, { token: token ?? "/token/alerts", ...options, onMessage, onReset });
  return <Commit shown={state} of="alerts" />;
}

function Orders({ orders = [], token, ...options }: Props) {
  const channels = orders.map((orderId) => ordersChannel({ region: "eu", orderId }));
  const names = channels.map(({ name }) => name).join();
  const state = useChannels(channels, { token: token ?? `/token/${names}`, topics: ["state"], ...options, onMessage, onReset });
  return <Commit shown={state} of={orders} />;
}

function Uploads({ uploads = [], token, ...options }: Props) {
  const channels = uploads.map((uploadId) => uploadsChannel({ uploadId }));
  const state = useChannels(channels, { token: token ?? `/token/${channels.map(({ name }) => name).join()}`, ...options, onMessage, onReset });
  return <Commit shown={state} of={uploads} />;
}

function Page(props: Props) {
  if (props.uploads !== undefined) return <Uploads {...props} />;
  if (props.orders !== undefined) return <Orders {...props} />;
  return props.upload === undefined ? <Alerts {...props} /> : <Upload {...props} />;
}

const root = createRoot(document.getElementById("root") as HTMLElement);
window.mount = (props, isStrict = false, isHidden = false) => {
  const page = (
    <Activity mode={isHidden ? "hidden" : "visible"}>
      <Page {...props} />
    </Activity>
  );
  flushSync(() => root.render(isStrict ? <StrictMode>{page}</StrictMode> : page));
};
window.unmount = () => flushSync(() => root.render(null));
