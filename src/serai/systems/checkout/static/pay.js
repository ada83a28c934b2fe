/* Paying with real Stripe: its Payment Element stands where the test cards stand without it. The card's number goes to
 * Stripe alone; what this page sends is the name of a payment method that the browser has made there.
 *
 * The script comes from Stripe's own address, as its terms want. If it does not come, the page says so in words: the hold
 * is the server's and lives on, and nothing was charged.
 */

const SCRIPT = "https://js.stripe.com/v3/";
/** Longer than this nobody waits for a form that may never come. */
const LOAD_MS = 15_000;

/** Stripe's library, or an error. */
export function loadStripe(publishableKey) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const late = setTimeout(() => reject(new Error("late")), LOAD_MS);
    const end = (settle) => () => {
      clearTimeout(late);
      settle();
    };
    script.src = SCRIPT;
    script.addEventListener("load", end(() => (window.Stripe ? resolve(window.Stripe(publishableKey)) : reject(new Error("empty")))));
    script.addEventListener("error", end(() => reject(new Error("unreachable"))));
    document.head.append(script);
  });
}

const dark = () => getComputedStyle(document.documentElement).colorScheme === "dark" || document.documentElement.dataset.theme === "dark";

class PaymentElement extends HTMLElement {
  async connectedCallback() {
    this.form = this.closest("form");
    this.frame = this.querySelector("[data-element]");
    this.form.addEventListener("submit", (event) => this.#submit(event), { capture: true });
    try {
      this.stripe = await loadStripe(this.dataset.publishableKey);
      this.elements = this.stripe.elements({
        mode: "payment",
        amount: Number(this.dataset.amount),
        currency: this.dataset.currency,
        paymentMethodCreation: "manual",
        captureMethod: "manual",
        locale: document.documentElement.lang,
        appearance: { theme: dark() ? "night" : "stripe" },
      });
      const element = this.elements.create("payment");
      element.on("ready", () => this.setAttribute("data-state", "ready"));
      element.on("loaderror", () => this.#fail());
      element.mount(this.frame);
    } catch {
      this.#fail();
    }
  }

  #fail() {
    this.elements = null;
    this.setAttribute("data-state", "failed");
    this.querySelector("[data-failed]").hidden = false;
    this.querySelector("[data-loading]").hidden = true;
  }

  #say(sentence) {
    const said = this.querySelector("[data-said]");
    said.textContent = sentence;
    said.closest("[data-refused]").hidden = !sentence;
  }

  /* The form goes out once it has a payment method; until then it is Stripe's turn. */
  async #submit(event) {
    const method = this.form.elements.method;
    if (method.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!this.elements) return this.querySelector("[data-failed]").scrollIntoView({ block: "center" });
    if (this.busy) return;
    this.busy = true;
    this.#say("");
    const error = (await this.elements.submit()).error ?? (await this.#make(method));
    this.busy = false;
    if (error) this.#say(error.message ?? "The card was not accepted; check what you wrote.");
    else this.form.requestSubmit(event.submitter);
  }

  /* The payment method is made in the browser; the server gets its name. */
  async #make(method) {
    const details = { name: this.form.elements.name?.value || undefined, email: this.form.elements.email.value || undefined };
    const { error, paymentMethod } = await this.stripe.createPaymentMethod({
      elements: this.elements,
      params: { billing_details: details },
    });
    if (!error) method.value = paymentMethod.id;
    return error;
  }
}
customElements.define("payment-element", PaymentElement);
