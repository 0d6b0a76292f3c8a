/* As much of the frameworks as the documentation uses; they are not installed. */
declare module "react" {
  export function useEffect(effect: () => (() => void) | void, dependencies?: readonly unknown[]): void;
  export function useSyncExternalStore<T>(
    subscribe: (onChange: () => void) => () => void,
    getSnapshot: () => T,
    getServerSnapshot?: () => T,
  ): T;
}

declare module "react-native" {
  export const AppState: {
    addEventListener(type: "change", listener: (state: "active" | "background") => void): { remove(): void };
  };
}

declare module "vue" {
  export function onUnmounted(hook: () => void): void;
  export function ref<T>(value: T): { value: T };
}

declare module "svelte/store" {
  export function readable<T>(value: T, start: (set: (value: T) => void) => () => void): object;
}
