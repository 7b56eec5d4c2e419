"""What each figure means, in one or two sentences."""

__all__ = ["RATIOS", "TERMS"]

RATIOS: dict[str, tuple[str, str]] = {
    "total_return": ("Return", "Profit over capital, each period's result left in"),
    "annual_return": ("Annual return", "Growth of a year at this pace: (1 + return) to the power of periods a year / periods"),
    "annual_volatility": ("Volatility, annual", "Standard deviation of the returns x √(periods a year)"),
    "sharpe": ("Sharpe ratio, annual", "Mean / standard deviation of the returns x √(periods a year); riskless return 0"),
    "sortino": ("Sortino ratio, annual", "Mean / root mean square of the losses x √(periods a year); target 0"),
    "calmar": ("Calmar ratio", "Annual return / size of the largest drawdown"),
    "max_drawdown": ("Maximum drawdown", "Largest fall below the highest equity before, at the ends of the periods"),
    "value_at_risk": ("VaR 95 %, of a period", "One period in twenty is worse than this"),
    "expected_shortfall": ("Expected shortfall 95 %, of a period", "Mean return of the worst twentieth of the periods"),
    "winning_periods": ("Winning periods", "Periods with a gain among those with a gain or a loss"),
}
"""Name and definition of the ratios, in the order they are shown."""

TERMS: dict[str, str] = {
    "P&L": "realized + unrealized profit + fees + funding, what is open valued at the mid. Exactly: spread + inventory + fees + funding.",
    "Spread": "what fills earned against the mid of their moment: (mid - price) x quantity of a buy, the reverse of a sell.",
    "Inventory": "what was earned by holding while the mid moved.",
    "Fees": "paid to the venue, negative here; a rebate is positive.",
    "Funding": "received less paid at the settlements of perpetuals.",
    "Capital": "what returns are measured on: as given, else the most that all open positions cost at once: what carries them unlevered.",
    "Largest drawdown": "largest fall of P&L below its highest point before, over every record, open positions at the mid.",
    "Turnover": "sum of price x quantity of all fills, both sides. P&L on turnover is in basis points: 1 bp = 0.01 %.",
    "Edge at fill": "spread over turnover: how much better than the mid fills were. About half the quoted spread for a maker, "
    "less than nothing for a taker.",
    "Round trip": "from flat to flat, or to the other side; won if it gained after fees and funding. Win rate: won / (won + lost).",
    "Profit factor": "what won trips gained over what lost ones gave.",
    "Fill rate": "accepted orders with at least one execution / orders that the venue accepted.",
    "Maker ratio": "share of turnover that added liquidity.",
    "Markout": "what a fill has earned against the mid a moment later: ± (mid then - price) / price, + of a buy, by notional. "
    "Falling from one horizon to the next: the market moves against fills (adverse selection). ± is one standard error, fills taken "
    "as independent.",
    "Latency": "from a request to the venue's answer to it, in the run's own clock; quantiles of a histogram, at most 1.1 % too high.",
    "VWAP": "sum of price x quantity / sum of quantity. Better: how much lower we bought, or higher we sold, than the market did.",
    "Participation": "our traded quantity / the market's.",
    "Buy and hold": "the capital in equal parts in each instrument that was traded, bought at its first mid, without costs.",
    "95 % interval": "middle 95 % of a figure over resampled runs: stationary bootstrap (Politis and Romano 1994), blocks of returns. "
    "It says how much a figure owes to chance within this run; of days that were not in it, it knows nothing.",
}
"""Further words, in the order of the page."""
