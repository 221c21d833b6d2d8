from lemai_chassis import migrations
from order_svc.storage import METADATA

migrations.run(METADATA)
