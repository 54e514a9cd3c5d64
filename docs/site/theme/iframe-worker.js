// Search in pages that are opened from a disk, where browsers refuse workers: the worker's script runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class {
    #frame = document.createElement("iframe");
    #waiting = [];

    constructor(url) {
      this.onmessage = null;
      this.#frame.hidden = true;
      this.#frame.onload = () => this.#start(url);
      document.body.append(this.#frame);
    }

    postMessage(data) {
      // Later, as from a real worker: who posts a message doesn't expect the answer before the call returns.
      if (this.#waiting === null) setTimeout(() => this.#deliver(data));
      else this.#waiting.push(data);
    }

    terminate() {
      this.#frame.remove();
    }

    #start(url) {
      const inside = this.#frame.contentWindow;
      inside.postMessage = (data) => {
        const event = new MessageEvent("message", { data: structuredClone(data) });
        setTimeout(() => this.onmessage?.(event));
      };
      const script = inside.document.createElement("script");
      script.src = new URL(url, location.href);
      script.onload = () => {
        for (const data of this.#waiting) this.#deliver(data);
        this.#waiting = null;
      };
      inside.document.body.append(script);
    }

    #deliver(data) {
      const inside = this.#frame.contentWindow;
      inside?.dispatchEvent(new inside.MessageEvent("message", { data: inside.structuredClone(data) }));
    }
  };
}
