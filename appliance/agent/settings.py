"""Settings of the agent: one TOML file, `PUE_AGENT_…` and `--set`."""

from __future__ import annotations

import msgspec

from appliance.agent.bringing import BringRules
from appliance.agent.post import PostRules


class LinkRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the link behaves.

    Attributes:
        first_spread_s: the first attempt after a start or a loss comes within so many seconds.
        retry_cap_s: the longest pause between attempts.
        connect_timeout_s: for TCP and TLS together.
        session_expiry_s: how long the broker keeps our queue.
        will_delay_s: how long a lost link stays unannounced.
        keepalive_s: until the twin says otherwise.
    """

    first_spread_s: float = 20.0
    retry_base_s: float = 2.0
    retry_cap_s: float = 300.0
    connect_timeout_s: float = 30.0
    session_expiry_s: int = 86_400
    will_delay_s: int = 90
    keepalive_s: int = 60


class AgentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them.

    Attributes:
        state_dir: keys, belongings, outbox, the agent's memory.
        run_dir: the desk's doors.
        restart_command: restarts the desk's process; the agent judges by the desk's answer, not by this.
        health_every_s: until the twin says otherwise.
        renew_before_days: the link certificate is renewed when fewer are left.
        renew_look_every_s: how often its end is looked at.
        reports_limit_bytes: beyond it the oldest health reports are dropped.
        proc, sys: where the kernel shows itself.
    """

    state_dir: str = "/var/lib/pue"
    run_dir: str = "/run/pue"
    log_level: str = "info"
    log_json: bool = False
    restart_command: list[str] = msgspec.field(default_factory=lambda: ["systemctl", "restart", "pue-desk"])
    health_every_s: int = 300
    order_retry_s: float = 5.0
    renew_before_days: float = 30.0
    renew_look_every_s: float = 21_600.0
    reports_limit_bytes: int = 33_554_432
    proc: str = "/proc"
    sys: str = "/sys"
    link: LinkRules = LinkRules()
    post: PostRules = PostRules()
    trust: BringRules = BringRules()
    catalogue: BringRules = BringRules()
