"""Binance: spot, USD-M futures, COIN-M futures. Sequence rules, messages, recordings, a synthetic market, the feed."""
