// The name under which one writes: each tab keeps its own, a new tab begins with the one used last anywhere.

const KEY = "patchcast.chat.user";

export function rememberedName(tab: Storage, browser: Storage): string {
  return tab.getItem(KEY) ?? browser.getItem(KEY) ?? "";
}

export function rememberName(name: string, tab: Storage, browser: Storage): void {
  tab.setItem(KEY, name);
  browser.setItem(KEY, name);
}
