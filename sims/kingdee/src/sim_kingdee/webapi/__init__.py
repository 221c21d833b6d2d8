"""The face that speaks the K/3 Cloud WebAPI (docking reference `kingdee.md` §3)."""
