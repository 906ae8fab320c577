// Package browser has the tests of the console in a real Chromium: what a person does there, from
// the first click to what the page then shows, and how every page looks in every view.
//
// It knows the bank by its pages and its HTTP contract; one row of a bank that is down is spoiled
// on purpose, for quarantine. It promises that each page passes the checks of browsertest in three
// widths, light and dark. `make browser` runs it; `go test ./...` leaves it out, since it needs a
// Chromium. Next on the walk: cmd/internal/browsertest.
//
// The twenty journeys of the console's design: of money TestTheFirstWithdrawalFromAnEmptyBank,
// TestADeclineIsExplained, TestAHoldIsCapturedInTwoPartsAndItsRestReleased,
// TestATransferIsSeenOnBothSides, TestAWithdrawalIsReversed,
// TestTheLimitIsRaisedWithAReasonAndItsUseFalls, TestAFrozenAccountRefuses and
// TestADoubleClickPaysOnce; of history TestASliderToThePastShowsWhatTheAPISays,
// TestTheChartZoomsToOneEvent, TestAnEventIsFoundByItsCorrelationID and
// TestTheJourneyOfAnEventIsCompleteAndItsHashIsEqual; of the server
// TestTheLiveTailPausesAndResumesOverARestartOfTheServer and
// TestABannerSaysThatTheServerIsDownAndGoesWhenItIsBack; of operators
// TestABlockedAccountIsFoundFromTheOverviewAndRedriven,
// TestAReadModelIsRebuiltPromotedAndBroughtBack,
// TestADayOfTheArchiveLeadsToASegmentAndItsSQL, TestAnAuditRunsToGreen and
// TestAKeyIsMadeUsedAndRevoked; and by keyboard alone
// TestByKeyboardFromTheOverviewToASentWithdrawal, with two shorter ones.
package browser
