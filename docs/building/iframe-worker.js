// Search from the disk: a browser starts no worker from a file:// page, so a hidden frame does the worker's part.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.appendChild(frame)
      this.inside = frame.contentWindow
      this.waiting = []
      this.addEventListener("message", event => this.onmessage && this.onmessage(event))
      const page = this.inside.document
      const load = address => new Promise((done, failed) => {
        const script = page.createElement("script")
        script.src = address
        script.onload = done
        script.onerror = failed
        page.body.appendChild(script)
      })
      this.inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      this.inside.importScripts = (...addresses) =>
        addresses.reduce((before, address) => before.then(() => load(address)), Promise.resolve())
      load(new URL(url, location)).then(() => {
        this.waiting.forEach(data => this.hand(data))
        this.waiting = null
      })
    }
    hand(data) {
      this.inside.dispatchEvent(new MessageEvent("message", { data }))
    }
    postMessage(data) {
      this.waiting ? this.waiting.push(data) : this.hand(data)
    }
    terminate() {}
  }
}
