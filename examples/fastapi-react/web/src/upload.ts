import { madeId, refusal, RequestFailed, withSession } from "./api";

/** How long an upload may make no progress. */
const STALLED_MS = 20_000;

/** Send a file, and return the id of the upload. `onProgress` is told how many per cent are sent. */
export function upload(file: File, onProgress: (percent: number) => void): Promise<string> {
  return withSession(() => send(file, onProgress));
}

/** `fetch` doesn't say how much of a body it has sent, so this is an XMLHttpRequest. */
function send(file: File, onProgress: (percent: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer = setTimeout(stalled, STALLED_MS);
    function stalled() {
      reject(new RequestFailed("The server didn't answer."));
      request.abort();
    }
    request.upload.onprogress = (event) => {
      clearTimeout(timer);
      timer = setTimeout(stalled, STALLED_MS);
      if (event.total > 0) onProgress(Math.round((100 * event.loaded) / event.total));
    };
    request.onload = () => {
      try {
        resolve(uploadId(request));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    request.onerror = () => {
      reject(new RequestFailed("The server couldn't be reached."));
    };
    request.onloadend = () => {
      clearTimeout(timer);
    };
    request.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.send(file);
  });
}

function uploadId(request: XMLHttpRequest): string {
  let body: unknown;
  try {
    body = JSON.parse(request.responseText);
  } catch {
    body = undefined;
  }
  if (request.status < 200 || request.status >= 300) throw refusal(request.status, body);
  return madeId(body);
}
