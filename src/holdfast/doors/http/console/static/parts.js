// Pages made of parts by id: the stream sends a part anew when it looks different.
import { live, patchInside } from "./live.js";

const host = document.querySelector("[data-parts]");
live(() => new URL(host.dataset.parts, location.href), {
  parts(changed) {
    for (const [id, html] of Object.entries(changed)) {
      const element = document.getElementById(id);
      if (element) patchInside(element, html);
    }
  },
});
