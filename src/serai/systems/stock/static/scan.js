// A list that is filled by scanning ([data-scan-form]). Each code that Enter ends is sent as the form would send it, one after
// another, and only the list is put in place: what is scanned meanwhile waits in line, and the field never loses the focus.
// Without this script the same form does the same with a page each time.

const form = document.querySelector("[data-scan-form]");
const field = form?.querySelector("[data-scan]");
const announcer = document.getElementById("announcer");
const codes = [];
let busy = false;

function show(answer) {
  const page = new DOMParser().parseFromString(answer, "text/html");
  const next = page.querySelector("[data-scan-form]");
  if (!next) return false;
  form.querySelector("[data-scan-lines]").replaceWith(next.querySelector("[data-scan-lines]"));
  const row = field.closest(".scan");
  row.querySelector(".field-error")?.remove();
  const wrong = next.querySelector("#scan-error");
  field.toggleAttribute("aria-invalid", Boolean(wrong));
  field.setAttribute("aria-describedby", wrong ? "scan-error scan-hint" : "scan-hint");
  if (wrong) {
    field.setAttribute("aria-invalid", "true");
    row.querySelector("#scan-hint").before(wrong);
  }
  const said = wrong ?? form.querySelector("[data-scan-said]");
  announcer.textContent = said?.textContent.trim() ?? "";
  navigator.vibrate?.(wrong ? [80, 60, 80] : 30);
  form.querySelector(".line-touched")?.scrollIntoView({ block: "nearest" });
  return true;
}

async function work() {
  if (busy) return;
  busy = true;
  form.setAttribute("aria-busy", "true");
  while (codes.length) {
    const body = new URLSearchParams(new FormData(form));
    body.set("scan", codes[0]);
    body.set("do", "add");
    let shown = false;
    try {
      const response = await fetch(form.action, { method: "POST", body, headers: { accept: "text/html" } });
      shown = show(await response.text());
    } catch {
      // The network is gone: the code stays in the field, and the next Enter sends it again.
    }
    const code = codes.shift();
    if (!shown) {
      field.value = code;
      announcer.textContent = "Not sent. Press Enter to try again.";
      break;
    }
  }
  form.removeAttribute("aria-busy");
  busy = false;
}

function scan(event) {
  event.preventDefault();
  const code = field.value.trim();
  field.value = "";
  field.focus();
  if (!code) return;
  codes.push(code);
  work();
}

if (field) {
  // A page that was scrolled to its list must not jump back; a scanner types wherever the focus is.
  field.focus({ preventScroll: true });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    if (event.target === field) scan(event);
    else if (event.target.matches("[data-quantity]")) {
      event.preventDefault();
      field.focus();
    }
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.name === "do" && event.submitter.value === "add") scan(event);
    else if (busy) event.preventDefault();
  });
}
