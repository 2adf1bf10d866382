"""The post: takes sealed letters from boxes, hands them to their recipient, carries states back. Never opens one."""
