/* The one policy by which text becomes markup. The server escapes all text, so that markup of ours never holds a
   script, a frame, or an event handler: whatever does is refused, and nothing of it is drawn. */
"use strict";
(() => {
  const forbidden = /<\s*\/?\s*(script|iframe|object|embed|base|meta|link|frame|template|math)\b/i;
  const attributes = /\s(on[a-z]+|hx-on[^\s=]*|formaction|srcdoc)\s*=|javascript:/i;
  const refuses = (markup) => {
    if (forbidden.test(markup)) { return true; }
    for (const tag of markup.match(/<[^>]*>/g) || []) {
      if (attributes.test(tag.replace(/"[^"]*"/g, '""').replace(/'[^']*'/g, "''"))) { return true; }
      if (/=\s*["']?\s*javascript:/i.test(tag)) { return true; }
    }
    return false;
  };
  if (window.trustedTypes) {
    window.trustedTypes.createPolicy("default", {
      createHTML(markup) {
        // htmx wraps a part of a page into a body and a template before it parses it.
        const inner = markup.replace(/^<body><template class="internal-htmx-wrapper">/, "")
          .replace(/<\/template><\/body>$/, "");
        if (refuses(inner)) { throw new TypeError("refused: markup that could run"); }
        return markup;
      },
    });
  }
})();
