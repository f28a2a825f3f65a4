/** Typed events: `on` gives back the function that ends the listening. */
export class Events<Map extends object> {
  readonly #listeners = new Map<keyof Map, Set<(payload: never) => void>>();

  on<Name extends keyof Map>(name: Name, listener: (payload: Map[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  protected emit<Name extends keyof Map>(name: Name, payload: Map[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) (listener as (payload: Map[Name]) => void)(payload);
  }
}
