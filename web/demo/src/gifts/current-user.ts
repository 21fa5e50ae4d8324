// Who sits at this page. Kept by the tab alone and never in the shared state: it differs from page to page.

const KEY = "patchcast.gifts.user";

/** The person of last time in this tab; else the one that the address asks for (`?as=`); else anybody. */
export function initialUser(users: readonly string[], storage: Storage, search: string, random: () => number): string {
  const asked = new URLSearchParams(search).get("as");
  const known = [storage.getItem(KEY), asked].find((id) => id !== null && users.includes(id));
  const user = known ?? users[Math.floor(random() * users.length)] ?? "";
  storage.setItem(KEY, user);
  return user;
}

export function rememberUser(id: string, storage: Storage): void {
  storage.setItem(KEY, id);
}
