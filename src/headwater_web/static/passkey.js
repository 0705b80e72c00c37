/* Asks the browser to make a key, or to let one sign. Buttons with data-key say where to ask and where to send it. */
"use strict";
(() => {
  const send = async (url, body) => {
    const answer = await fetch(url, {
      method: "POST", credentials: "same-origin",
      headers: { "Content-Type": "application/json", "Accept": "application/json" },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) { throw new Error(told.error); }
    return told;
  };
  const use = async (button) => {
    const token = button.dataset.token;
    const told = document.getElementById("key-told");
    try {
      const { options } = await send(button.dataset.options, { token });
      const wanted = JSON.parse(options);
      const credential = button.dataset.key === "make"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(wanted) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(wanted) });
      const label = document.getElementById("key-label");
      const { to } = await send(button.dataset.send, {
        token, credential: JSON.stringify(credential.toJSON()), label: label ? label.value : "",
        next: button.dataset.next || "/",
      });
      window.location.assign(to);
    } catch (error) {
      told.textContent = error.message;
      told.hidden = false;
    }
  };
  for (const button of document.querySelectorAll("button[data-key]")) {
    button.hidden = !("credentials" in navigator);
    button.addEventListener("click", () => { use(button); });
  }
})();
