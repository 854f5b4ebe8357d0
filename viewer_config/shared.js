// For a recipient with whom the images were shared: without the panel, and it ends with the consent.
// The server refuses every further image by itself; this takes away what the browser still shows.

const EVERY_MS = 3000;

/** Whether this viewer was opened from the page that is shared with a recipient. */
export const isShared = (search) => new URLSearchParams(search).get("shared") === "1";

/** `/r/<visit>/shared` for a viewer's address, or null. Pure. */
export function sharedPage(pathname) {
  const found = /^(\/r\/[A-Za-z0-9_-]+)\/view\//.exec(pathname);
  return found ? `${found[1]}/shared` : null;
}

/** Leave for the recipient's page, which says why, once the server says that nothing is shared. */
export function leaveWhenOver(location, ask = fetch) {
  const page = sharedPage(location.pathname);
  if (!page || !isShared(location.search)) {
    return null;
  }
  return setInterval(async () => {
    const answer = await ask(`${page}/standing`, {
      headers: { Accept: "application/json" },
      cache: "no-store",
    }).catch(() => null);
    if (answer && (answer.status === 401 || answer.status === 403)) {
      location.replace(page);
    }
  }, EVERY_MS);
}
