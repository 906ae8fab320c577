// Package live is the console's page that shows events of all accounts as they come.
//
// The page lists the newest events, and with JavaScript continues from there: the server reads the
// feed as the person who looks, and sends at most fifty rows a second in four portions, with the
// number of events that there were. It is a sample then, and says so; the feed itself leaves
// nothing out. A browser that connects again continues where it was.
//
// Walk: Routes -> page.show; page.tail -> sampler. Next on the walk: feed.
package live
