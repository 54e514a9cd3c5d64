/**
 * Follow a channel by server-sent events, for as long as the page lives.
 *
 * An `EventSource` comes back by itself and says after which message. But it comes back with the same token, which opens
 * streams for a minute only. Where that is refused, this fetches another token and goes on after the last message.
 *
 * @param fetchToken answers with what `client.realtime.token` has returned: `{key, apiBaseUrl}`
 * @param on `onOpen`, called whenever the stream is open; `onMessage`; `onState`, with "open" or "lost"
 */
export function follow(fetchToken, { onOpen, onMessage, onState }) {
  let last;
  let pause = 500;

  function again() {
    onState("lost");
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, 5_000);
  }

  async function connect() {
    let token;
    try {
      token = await fetchToken();
    } catch {
      return again();
    }
    const url = new URL("/v1/realtime/sse", token.apiBaseUrl);
    url.searchParams.set("token", token.key);
    if (last) url.searchParams.set("after", last);
    const source = new EventSource(url);
    source.onopen = async () => {
      try {
        await onOpen();
      } catch {
        if (source.readyState === EventSource.CLOSED) return; // then `onerror` has seen to it
        source.close();
        return again();
      }
      if (source.readyState !== EventSource.OPEN) return;
      pause = 500;
      onState("open");
    };
    source.onmessage = (event) => {
      last = event.lastEventId || last;
      const message = JSON.parse(event.data);
      if (message.kind === "data") onMessage(message);
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) again();
      else onState("lost");
    };
  }

  connect();
}
